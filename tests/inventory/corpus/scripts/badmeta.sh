#!/bin/sh
echo '{"a": ["first"], "_meta": {"hostvars": {"first": ["x"]}}}'
