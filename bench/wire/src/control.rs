//! Servers in other languages, to see what sessions cost there: express-session on Node.js, and
//! FastSession on FastAPI.

use std::path::Path;

use crate::process::Program;
use crate::servers::{Family, Memory, Server};

/// Those whose libraries `controls/install` has put into this folder.
pub(crate) fn families(folder: &Path) -> Vec<Family> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("controls");
    let express = |mode| {
        // Node.js looks for libraries beside the script.
        Program::new(Path::new("node"))
            .with(["express.js", mode])
            .in_folder(folder)
    };
    let python = folder.join("venv/bin/python");
    let fastapi = |mode| {
        Program::new(&python)
            .with(["fast.py", mode])
            .in_folder(&sources)
    };
    vec![
        family("express", "express-session", express),
        family("fastapi", "FastSession", fastapi),
    ]
}

fn family(
    name: &'static str,
    library: &'static str,
    program: impl Fn(&'static str) -> Program,
) -> Family {
    let server = |name, mode, memory| Server {
        name,
        program: program(mode),
        memory,
    };
    Family {
        name,
        servers: vec![
            server("bare", "bare", Memory::None),
            server(library, "sessions", Memory::Server),
        ],
    }
}
