#compdef mmpush
# Completion of mmpush for zsh; mmpush completion zsh prints this.
_mmpush() {
    local line value
    local -a values shown
    local -a typed=("${(@)words[1,CURRENT]}")
    # What follows a flag's "=" stands in one word with the flag.
    [[ $words[CURRENT] == --*=* ]] && compset -P 1 '*='
    for line in "${(@f)$("$typed[1]" complete zsh "${(@)typed[2,-1]}" 2>/dev/null)}"; do
        value=${line%%$'\t'*}
        case $value in
            '') ;;
            :file) _files ;;
            :folder) _files -/ ;;
            :manifest) _files -g '*.(mmpack-manifest|pkg.tar.*)' ;;
            *)
                values+=("$value")
                if [[ $line == *$'\t'* ]]; then
                    shown+=("$value  -- ${line#*$'\t'}")
                else
                    shown+=("$value")
                fi ;;
        esac
    done
    (( ${#values} )) && compadd -l -d shown -a -- values
}
if [[ $funcstack[1] == _mmpush ]]; then
    _mmpush "$@"
else
    compdef _mmpush mmpush
fi
