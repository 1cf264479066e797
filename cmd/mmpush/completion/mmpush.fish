# Completion of mmpush for fish; mmpush completion fish prints this.
function __mmpush_paths -a before prefix folders
    for path in $prefix*
        if test -d $path
            echo $before$path/
        else if test "$folders" != only
            for pattern in $argv[4..-1]
                string match -q -- $pattern $path; and echo $before$path
            end
        end
    end
end
function __mmpush_complete
    set -l current (commandline -ct)
    set -l words (commandline -opc) "$current"
    # What follows a flag's "=" stands in one word with the flag.
    set -l before (string match -r -- '^--[^=]*=' "$current")
    for line in ($words[1] complete fish $words[2..-1] 2>/dev/null)
        set -l parts (string split -m 1 \t -- $line)
        switch $parts[1]
            case :file
                __mmpush_paths "$before" "$parts[2]" with '*'
            case :folder
                __mmpush_paths "$before" "$parts[2]" only
            case :manifest
                __mmpush_paths "$before" "$parts[2]" with '*.mmpack-manifest' '*.pkg.tar.*'
            case '*'
                echo "$before$line"
        end
    end
end
complete -c mmpush -f -a '(__mmpush_complete)'
