#!/bin/sh
echo '["h1", "h2"]'
