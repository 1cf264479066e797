# Completion of mmpush for bash; mmpush completion bash prints this.
_mmpush_add() {
    local path
    compopt -o filenames 2>/dev/null
    while IFS= read -r path; do COMPREPLY+=("$path"); done
}
_mmpush() {
    local line value rest
    COMPREPLY=()
    while IFS= read -r line; do
        value=${line%%$'\t'*} rest=${line#*$'\t'}
        case $value in
            :file) _mmpush_add < <(compgen -f -- "$rest") ;;
            :folder) _mmpush_add < <(compgen -d -- "$rest") ;;
            :manifest)
                _mmpush_add < <(
                    compgen -d -- "$rest"
                    compgen -f -X '!*.mmpack-manifest' -- "$rest"
                    compgen -f -X '!*.pkg.tar.*' -- "$rest"
                ) ;;
            *) COMPREPLY+=("$value") ;;
        esac
    done < <("${COMP_WORDS[0]}" complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _mmpush mmpush
