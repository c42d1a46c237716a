//! Checks calls: methods, functions, and what `exists`, `all`, `filter` and `map` expand to.

use super::super::names::text;
use super::Checker;
use super::ty::Ty;
use crate::config::reader::suggest;
use crate::facts::attributes::{ATTRIBUTES, Shape};
use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, Expr};

/// Largest compiled regular expression, in bytes.
const MAX_REGEX: usize = 256 << 10;
/// Loops within loops multiply; two are enough for any list that facts hold.
const MAX_LOOPS: usize = 2;

const METHODS: &[&str] = &["startsWith", "endsWith", "contains", "matches", "size", "exists", "all", "filter", "map"];
const FUNCTIONS: &[&str] = &["has", "size", "int", "double", "string", "bool", "seen", "clicked", "dismissed"];

impl Checker<'_> {
    pub(super) fn method(&mut self, node: &IdedExpr, method: &str, target: &IdedExpr, arguments: &[IdedExpr]) -> Ty {
        let target_ty = self.ty(target);
        let argument_types: Vec<Ty> = arguments.iter().map(|argument| self.ty(argument)).collect();
        match method {
            "startsWith" | "endsWith" | "contains" | "matches" => {
                if !matches!(target_ty, Ty::Text | Ty::Any) {
                    let help = if target_ty.is_list() && method == "contains" {
                        let item = arguments.first().map_or("…", |argument| self.written(argument));
                        Some(format!("for a list write `{item} in {}`", self.written(target)))
                    } else {
                        None
                    };
                    let message = format!("`{method}` asks a text, and this is {}", target_ty.named());
                    self.error(target, "wrong-type", message, help);
                }
                self.one_text(node, method, arguments, &argument_types);
                if let (Some(pattern), "matches") = (arguments.first(), method) {
                    self.regex(pattern);
                }
                Ty::Bool
            }
            "size" if arguments.is_empty() => self.size(target, target_ty),
            _ => self.unknown_function(node, method, METHODS),
        }
    }

    pub(super) fn function(&mut self, node: &IdedExpr, function: &str, arguments: &[IdedExpr]) -> Ty {
        let types: Vec<Ty> = arguments.iter().map(|argument| self.ty(argument)).collect();
        let ty = match function {
            "size" | "int" => Ty::Int,
            "double" => Ty::Double,
            "string" => Ty::Text,
            "bool" => Ty::Bool,
            _ => return self.unknown_function(node, function, FUNCTIONS),
        };
        let ([argument], [argument_ty]) = (arguments, types.as_slice()) else {
            self.error(node, "wrong-arguments", format!("`{function}` takes one argument"), None);
            return ty;
        };
        if function == "size" {
            return self.size(argument, *argument_ty);
        }
        let convertible = match argument_ty {
            Ty::Any | Ty::Text => true,
            Ty::Int | Ty::Double => function != "bool",
            Ty::Bool => matches!(function, "bool" | "string"),
            _ => false,
        };
        if !convertible {
            let message = format!("`{function}` cannot convert {}", argument_ty.named());
            self.error(argument, "wrong-type", message, None);
        }
        ty
    }

    fn size(&mut self, target: &IdedExpr, ty: Ty) -> Ty {
        if !(ty.is_list() || matches!(ty, Ty::Text | Ty::Any)) {
            let message = format!("`size` measures a text or a list, and this is {}", ty.named());
            self.error(target, "wrong-type", message, None);
        }
        Ty::Int
    }

    fn one_text(&mut self, node: &IdedExpr, method: &str, arguments: &[IdedExpr], types: &[Ty]) {
        match (arguments, types) {
            ([_], [Ty::Text | Ty::Any]) => {}
            ([argument], [ty]) => {
                let message = format!("`{method}` wants a text, not {}", ty.named());
                self.error(argument, "wrong-type", message, Some("put it in quotes".into()));
            }
            _ => self.error(node, "wrong-arguments", format!("`{method}` takes one text"), None),
        }
    }

    fn regex(&mut self, pattern: &IdedExpr) {
        let Some(source) = text(pattern) else {
            let message = "the pattern of `matches` must be a text in quotes".to_owned();
            self.error(pattern, "wrong-arguments", message, None);
            return;
        };
        if let Err(error) = regex(source) {
            let (message, help) = match error {
                regex::Error::CompiledTooBig(_) => ("this regular expression is too large".to_owned(), None),
                error => {
                    let words = error.to_string();
                    let last = words.lines().last().unwrap_or_default();
                    let reason = last.strip_prefix("error: ").unwrap_or(last);
                    (format!("this regular expression is not valid: {reason}"), lookaround(source))
                }
            };
            self.error(pattern, "invalid-regex", message, help);
        }
    }

    fn unknown_function(&mut self, node: &IdedExpr, unknown: &str, known: &[&'static str]) -> Ty {
        let called = ATTRIBUTES.iter().filter(|a| a.shape == Shape::Call).map(|a| a.name);
        let help = suggest(unknown, known.iter().copied().chain(called))
            .map_or_else(|| format!("there are: {}", known.join(", ")), |best| format!("did you mean `{best}`?"));
        self.error(node, "unknown-function", format!("there is no function `{unknown}`"), Some(help));
        Ty::Any
    }

    pub(super) fn fold(&mut self, node: &IdedExpr, fold: &ComprehensionExpr) -> Ty {
        let ty = self.ty(&fold.iter_range);
        if !(ty.is_list() || ty == Ty::Any) {
            let message = format!("only a list can be gone through, and this is {}", ty.named());
            self.error(&fold.iter_range, "wrong-type", message, None);
        }
        if self.locals.len() / 2 >= MAX_LOOPS {
            let message = "loops are nested too deeply".to_owned();
            self.error(node, "too-complex", message, Some("split the condition into segments".into()));
            return Ty::Any;
        }
        self.locals.push(fold.iter_var.clone());
        self.locals.push(fold.accu_var.clone());
        self.ty(&fold.loop_step);
        self.ty(&fold.loop_cond);
        self.locals.truncate(self.locals.len() - 2);
        match &fold.accu_init.expr {
            Expr::List(_) => Ty::List,
            _ => Ty::Bool,
        }
    }
}

/// Compiles a pattern of `matches`, as the `cel` crate would, within our limit.
pub(in crate::scenario::condition) fn regex(source: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(source).size_limit(MAX_REGEX).build()
}

fn lookaround(source: &str) -> Option<String> {
    let unsupported = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|group| source.contains(group));
    unsupported.then(|| "look-around is not supported: combine several `matches` with `&&` and `!`".to_owned())
}
