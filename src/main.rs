//! The Portolan binary.

fn main() -> std::process::ExitCode {
    portolan::cli::main()
}
