# SPDX-License-Identifier: Apache-2.0
# fish completion for modelfleet and its links. The program itself knows what could come next
# (src/cli/complete.h says how it is asked); this only hands it over to fish. Nothing of the line
# is ever evaluated.

# The word under the cursor without its quotes, of which the last one may be open.
function __modelfleet_word
    set -l word (commandline -ct)
    string unescape -- $word 2>/dev/null
    or string unescape -- "$word'" 2>/dev/null
    or string unescape -- "$word\"" 2>/dev/null
    or echo -- $word
end

# Prints what the program offers. Variables that the line names may be those of the shell alone;
# here they are exported, for as long as this runs.
function __modelfleet_ask
    set -l words (commandline -opc)
    set -l program modelfleet
    if string match -q '*/*' -- $words[1]; and test -x (path dirname -- $words[1])/modelfleet
        set program (path dirname -- $words[1])/modelfleet
    end
    for name in (string match -ra '\$\{?([A-Za-z_]\w*)' -g -- $words)
        set -q $name; and set -lx $name $$name
    end
    $program __complete --words $words (__modelfleet_word) 2>/dev/null
end

function __modelfleet_complete
    set -l lead (string match -r -- '^--[^=]*=|^@' (commandline -ct))
    set -l path (string replace -- "$lead" '' (commandline -ct))
    for line in (__modelfleet_ask)
        set -l parts (string split \t -- $line)
        switch $parts[1]
            case w
                printf '%s\t%s\n' $parts[2] $parts[3]
            case f
                string join \n -- "$lead"(__fish_complete_path $path)
            case d
                string join \n -- "$lead"(__fish_complete_directories $path '')
        end
    end
end

for name in modelfleet cleanup-models deploy-models fleet-status publish-model rollback-model run-playbook
    complete -c $name -k -f -a '(__modelfleet_complete)'
end
