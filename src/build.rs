//! Build script: makes the browser assets small, once, at compile time.
//!
//! It knows just enough of JavaScript and CSS to take comments and indentation away. It renames and reorders nothing,
//! so what runs is what is written in `src/client/`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The runtime's parts, in the order in which they run.
const SCRIPTS: &[&str] = &["base", "beacon", "trigger", "dialog", "coupon", "chat", "keep", "start"];

/// The style sheet's parts, in the order of the cascade.
const STYLES: &[&str] = &["base", "banner", "popup", "coupon", "chat", "ask", "modes"];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let client = Path::new("src/client");
    println!("cargo::rerun-if-changed=src/client");
    println!("cargo::rerun-if-changed=src/build.rs");

    let mut script = String::from("(()=>{'use strict';\n");
    for name in SCRIPTS {
        script.push_str(&small_script(&read(&client.join(name).with_extension("js"))));
    }
    script.push_str("})()\n");
    write(&out.join("runtime.js"), &script);
    let style: String =
        STYLES.iter().map(|name| small_style(&read(&client.join(name).with_extension("css")))).collect();
    write(&out.join("style.css"), &style);
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| fail(path, &error))
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| fail(path, &error));
}

fn fail<T>(path: &Path, error: &std::io::Error) -> T {
    println!("cargo::error={}: {error}", path.display());
    std::process::exit(1)
}

/// Takes comment lines, indentation and empty lines away. Comments stand on lines of their own in `src/client/`, and
/// template literals on one line: a test of the runtime holds them to it.
fn small_script(source: &str) -> String {
    let mut small = String::with_capacity(source.len());
    for line in source.lines().map(str::trim) {
        if !line.is_empty() && !line.starts_with("//") {
            small.push_str(line);
            small.push('\n');
        }
    }
    small
}

/// Takes comments and blanks away, and makes every declaration `!important`.
///
/// Within a cascade layer, that puts our rules above all of the shop's, whatever their specificity: the shop's styles
/// cannot spoil a popup. It would also win over animations, so the style sheet uses transitions only.
fn small_style(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("/*") {
        text.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    text.push_str(rest);

    let mut small = String::with_capacity(text.len());
    let mut part = String::new();
    for c in text.chars() {
        match c {
            '{' => {
                let _ = write!(small, "{}{{", squeeze(&part));
                part.clear();
            }
            ';' | '}' => {
                let declaration = squeeze(&part);
                if !declaration.is_empty() {
                    let _ = write!(small, "{declaration}!important;");
                }
                if c == '}' {
                    if small.ends_with(';') {
                        small.pop();
                    }
                    small.push('}');
                }
                part.clear();
            }
            _ => part.push(c),
        }
    }
    small.push('\n');
    small
}

/// One blank for many, and none where the grammar needs none.
fn squeeze(part: &str) -> String {
    let words: Vec<&str> = part.split_whitespace().collect();
    let mut text = words.join(" ");
    for mark in [", ", ": ", " > "] {
        // A blank after a colon matters in selectors only before it: `a :hover`.
        text = text.replace(mark, mark.trim());
    }
    text
}
