//! `compress completions SHELL`: what a shell needs to complete our command lines.

use clap_complete::Shell;

use super::failure::Failure;
use super::terminal;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
bash  compress completions bash > ~/.local/share/bash-completion/completions/compress
zsh   compress completions zsh > ~/.zfunc/_compress         (with ~/.zfunc in fpath)
fish  compress completions fish > ~/.config/fish/completions/compress.fish")]
pub struct Args {
    /// Which shell
    shell: Shell,
}

pub fn main(args: &Args, mut command: clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "compress", &mut script);
    Ok(terminal::print(&String::from_utf8_lossy(&script))?)
}
