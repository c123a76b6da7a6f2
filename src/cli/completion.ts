import { defineCommand, EXIT_OK } from "./command.ts";

/** Both ask steerd itself for the candidates, so that they never fall behind its options. */
const SCRIPTS = {
  bash: `_steerd() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(SHELL=bash steerd --get-yargs-completions "\${COMP_WORDS[@]:0:COMP_CWORD+1}")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _steerd steerd`,
  zsh: `#compdef steerd
_steerd() {
  local -a candidates
  candidates=("\${(@f)$(SHELL=zsh steerd --get-yargs-completions "\${words[@]:0:$CURRENT}")}")
  _describe candidate candidates || _files
}
compdef _steerd steerd`,
};

export const command = defineCommand({
  positionals: {
    shell: { choices: ["bash", "zsh"], default: "bash", describe: "Shell that the script is for" },
  },
  options: {},
  examples: [
    ["completion >> ~/.bashrc", "For bash"],
    ["completion zsh >> ~/.zshrc", "For zsh"],
  ],
  async run(given, terminal) {
    terminal.out(SCRIPTS[given.shell]);
    return EXIT_OK;
  },
});
