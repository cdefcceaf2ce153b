#!/bin/sh
echo 'g: [n1]'
