//! The program. Everything it does is in the library, where tests can reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ollama_api_pool::cli::main()
}
