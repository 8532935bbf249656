//! The rules of the workspace that no single crate can see: which way dependencies point, what
//! may be depended on at all, and what no file may contain.

mod files;
mod licence;
mod mutants;
mod pages;
mod publication;
mod requirements;
mod secrets;
mod workspace;

use files::{Source, every_file, library_sources};
use licence::Policy;
use workspace::{Role, all_dependencies, dependencies_of, members, root};

/// Families of crates: a name belongs to one when it equals it or starts with it and a hyphen.
const FRAMEWORKS_AND_RUNTIMES: [&str; 12] = [
    "actix",
    "async-std",
    "axum",
    "http",
    "hyper",
    "mio",
    "poem",
    "rocket",
    "smol",
    "tokio",
    "tower",
    "warp",
];

#[test]
fn the_core_names_no_framework_and_no_runtime_not_even_through_another_crate() {
    let core = dependencies_of("session-core");
    assert!(
        core.iter().any(|name| name == "ring"),
        "the core's tree is not read: {core:?}"
    );
    for name in core {
        let family = FRAMEWORKS_AND_RUNTIMES.iter().find(|family| {
            name.strip_prefix(**family)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        });
        assert_eq!(family, None, "session-core depends on {name}");
    }
}

#[test]
fn adapters_and_stores_build_on_the_core_and_never_on_each_other() {
    for member in members() {
        let allowed: &[&str] = match (member.role, member.name.as_str()) {
            (Role::Core, _) => &[],
            (Role::Adapter, "adapter-axum" | "adapter-warp") => &["session-core", "adapter-tower"],
            (Role::Adapter, _) => &["session-core"],
            (Role::Store, _) => &["session-core", "testbed"],
            (Role::Testbed, _) => &[],
            (Role::Example | Role::Bench, _) => continue,
        };
        for name in &member.builds_on {
            assert!(
                allowed.contains(&name.as_str()) || *name == member.name,
                "{} may build on {allowed:?} alone, and names {name}",
                member.name
            );
        }
        assert!(
            matches!(member.role, Role::Core | Role::Testbed)
                || member.builds_on.iter().any(|name| name == "session-core"),
            "{} does not build on session-core",
            member.name
        );
    }
}

#[test]
fn nothing_builds_on_an_example_or_on_the_bench() {
    let ends: Vec<_> = members()
        .into_iter()
        .filter(|member| matches!(member.role, Role::Example | Role::Bench))
        .map(|member| member.name)
        .collect();
    assert!(
        ends.iter().any(|name| name == "chat"),
        "the examples are not read: {ends:?}"
    );
    for member in members() {
        for name in &member.builds_on {
            assert!(
                *name == member.name || !ends.contains(name),
                "{} builds on {name}, which nothing may build on",
                member.name
            );
        }
    }
}

#[test]
fn a_folder_is_named_like_its_package() {
    for member in members() {
        assert_eq!(
            member.folder.file_name().and_then(|name| name.to_str()),
            Some(&*member.name)
        );
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace_and_they_forbid_unsafe_code() {
    let workspace = files::read(&root().join("Cargo.toml"));
    assert!(
        files::toml_table(&workspace, "workspace.lints.rust").contains(&"unsafe_code = \"forbid\""),
        "the workspace does not forbid unsafe code"
    );
    for member in members() {
        let manifest = files::read(&member.folder.join("Cargo.toml"));
        assert_eq!(
            files::toml_table(&manifest, "lints"),
            ["workspace = true"],
            "{}",
            member.name
        );
    }
}

#[test]
fn deny_toml_allows_every_licence_that_is_built_on() {
    let policy = Policy::from_deny_toml(&files::read(&root().join("deny.toml")));
    let dependencies = all_dependencies();
    assert!(
        dependencies.len() > 50,
        "the tree is not read: {dependencies:?}"
    );
    for dependency in dependencies {
        assert!(
            policy.allows(&dependency.licence),
            "{} is under '{}', which deny.toml does not allow",
            dependency.name,
            dependency.licence
        );
    }
}

#[test]
fn deny_toml_bans_nothing_that_is_built_on() {
    let policy = Policy::from_deny_toml(&files::read(&root().join("deny.toml")));
    for dependency in all_dependencies() {
        assert!(
            !policy.bans(&dependency.name),
            "deny.toml bans {}",
            dependency.name
        );
    }
}

/// A server must answer every request: where a panic is impossible, a comment next to it says why.
#[test]
fn library_code_does_not_panic_without_saying_why_it_cannot() {
    let sources = library_sources();
    assert!(sources.len() > 20, "the sources are not read");
    let unexplained: Vec<_> = sources
        .iter()
        .flat_map(Source::unexplained_panics)
        .collect();
    assert!(unexplained.is_empty(), "\n{}", unexplained.join("\n"));
}

/// One module can exchange the locks only where everybody takes them from it.
#[test]
fn the_engine_takes_every_lock_and_counter_from_one_module() {
    const ELSEWHERE: [&str; 6] = [
        "parking_lot",
        "shuttle",
        "sync::atomic",
        "sync::Mutex",
        "sync::RwLock",
        "sync::{Mutex",
    ];
    let core = root().join("session-core/src");
    let sources = library_sources();
    let core = sources.iter().filter(|it| it.path.starts_with(&core));
    let mut found = Vec::new();
    let folder = root().join("session-core/src/sync");
    let is_that_module =
        |source: &&Source| source.is_named("sync.rs") || source.path.starts_with(&folder);
    for source in core.filter(|source| !is_that_module(source)) {
        for (number, line) in source.numbered_lines() {
            let code = line.replace("crate::sync::", "");
            if ELSEWHERE.iter().any(|name| code.contains(name)) {
                found.push(format!("{}:{number}: {line}", source.path.display()));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn no_file_names_a_path_of_the_machine_it_was_written_on() {
    let paths = files::machine_paths();
    let mut found = Vec::new();
    for file in every_file() {
        for (number, line) in file.numbered_lines() {
            if paths.iter().any(|path| files::names_path(line, path)) {
                found.push(format!("{}:{number}: {line}", file.path.display()));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// A registry in the lock file would be asked even where npm is told to use another.
#[test]
fn no_lock_file_of_npm_names_a_registry() {
    let locks: Vec<_> = every_file()
        .into_iter()
        .filter(|file| file.is_named("package-lock.json"))
        .collect();
    assert!(!locks.is_empty(), "the browser test has lost its lock file");
    for lock in locks {
        assert!(
            !lock.text.contains("\"resolved\""),
            "{}",
            lock.path.display()
        );
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for document in every_file()
        .iter()
        .filter(|file| file.path.extension().is_some_and(|it| it == "md"))
    {
        let folder = document.path.parent().unwrap_or_else(|| root());
        for target in document.relative_links() {
            if !folder.join(target).exists() {
                broken.push(format!("{}: {target}", document.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_test_that_a_page_names_exists() {
    let (mut named, mut missing) = (0, Vec::new());
    for page in pages::pages() {
        for (place, name) in pages::tests_named_in(&page) {
            named += 1;
            if !pages::exists(place, name) {
                missing.push(format!("{}: {place}::{name}", page.path.display()));
            }
        }
    }
    assert!(named > 300, "the pages are not read");
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn every_file_of_the_workspace_that_a_page_names_exists() {
    let (mut named, mut missing) = (0, Vec::new());
    for page in pages::pages() {
        for path in pages::files_named_in(&page) {
            named += 1;
            if !root().join(path).exists() {
                missing.push(format!("{}: {path}", page.path.display()));
            }
        }
    }
    assert!(named > 100, "the pages are not read");
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn the_readme_has_the_same_code_figures_and_links_in_both_languages() {
    let [english, japanese] = ["README.md", "README.ja.md"].map(|name| Source {
        text: files::read(&root().join(name)),
        path: root().join(name),
    });
    let code = code_blocks(&english.text);
    assert!(code.len() > 3, "the code is not read: {code:?}");
    assert_eq!(code_blocks(&japanese.text), code);

    let figures = |of: &Source| -> Vec<String> {
        let words: Vec<_> = of.text.split_whitespace().collect();
        let pairs = words.windows(2).filter(|pair| pair[1] == "µs");
        pairs.map(|pair| pair[0].to_owned()).collect()
    };
    assert!(figures(&english).len() > 10, "the figures are not read");
    assert_eq!(figures(&japanese), figures(&english));

    let links = |of: &Source, other_language: &str| {
        let mut links = of.relative_links();
        links.retain(|link| *link != other_language);
        links
            .iter()
            .map(|link| (*link).to_owned())
            .collect::<Vec<_>>()
    };
    assert!(english.relative_links().contains(&"README.ja.md"));
    assert!(japanese.relative_links().contains(&"README.md"));
    assert_eq!(
        links(&japanese, "README.md"),
        links(&english, "README.ja.md")
    );
}

/// What stands between fences, the words behind the opening one included.
fn code_blocks(text: &str) -> Vec<&str> {
    text.split("\n```").skip(1).step_by(2).collect()
}
