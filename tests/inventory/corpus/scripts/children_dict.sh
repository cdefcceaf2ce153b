#!/bin/sh
echo '{"a": {"children": {"b": {}, "c": {}}}, "b": ["b1"], "_meta": {"hostvars": {}}}'
