//! The official SDKs, installed below the target folder and only when their lists have changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Outcome};

pub struct Sdk {
    pub python: PathBuf,
    pub node_modules: PathBuf,
}

pub fn set_up(target: &Path) -> Outcome<Sdk> {
    for program in ["python3", "node", "npm"] {
        if !process::exists(program) {
            return Err(format!("{program} is missing: the tests run the SDKs, so install it"));
        }
    }
    let source = process::root().join("tests/sdk");
    let folder = target.join("sdk");
    Ok(Sdk {
        python: python(&source, &folder.join("venv"))?,
        node_modules: node(&source, &folder.join("node"))?,
    })
}

/// A virtual environment with `requirements.txt`, and its interpreter.
fn python(source: &Path, venv: &Path) -> Outcome<PathBuf> {
    let requirements = source.join("requirements.txt");
    let wanted = read(&requirements)?;
    let stamp = venv.join("installed.txt");
    let python = venv.join("bin/python");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && starts(&python) {
        return Ok(python);
    }
    println!("installing the Python SDK …");
    make_venv(venv)?;
    process::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&requirements),
    )?;
    write(&stamp, &wanted)?;
    Ok(python)
}

/// Debian keeps the module that makes environments in a package of its own.
fn make_venv(venv: &Path) -> Outcome<()> {
    let make = || process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv));
    make().or_else(|_| {
        process::apt_install("python3-venv")?;
        make()
    })
}

fn starts(python: &Path) -> bool {
    Command::new(python).args(["-c", ""]).status().is_ok_and(|status| status.success())
}

/// `npm ci` on a copy of the two lists, so that the source tree stays clean.
fn node(source: &Path, folder: &Path) -> Outcome<PathBuf> {
    let lists = ["package.json", "package-lock.json"];
    let mut wanted = String::new();
    for name in lists {
        wanted += &read(&source.join(name))?;
    }
    let modules = folder.join("node_modules");
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && modules.is_dir() {
        return Ok(modules);
    }
    println!("installing the Node SDK …");
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in lists {
        write(&folder.join(name), &read(&source.join(name))?)?;
    }
    process::run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))?;
    write(&stamp, &wanted)?;
    Ok(modules)
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Outcome<()> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
