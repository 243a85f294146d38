//! Turns the generator's stubs into what a project sets.
//!
//! The generator expects the functions that a component exports in packages of its own making. A
//! project's code would have to stand amid generated files, so a function becomes a variable to be
//! set, and a resource a struct around an interface whose value the project makes:
//! ```go
//! handler.Handle = func(request *http.Request) …
//! counters.NewCounter = func(name string) counters.CounterMethods { return &counter{name} }
//! ```

use std::collections::BTreeMap;

const STUB: &str = "panic(\"not implemented\")";

/// A file in which stubs are replaced; others stay as they are.
pub(super) fn fit(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut kept: Vec<String> = Vec::new();
    let mut methods: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let is_stub =
            line.starts_with("func ") && lines.get(at + 1).is_some_and(|next| next.trim() == STUB);
        if !is_stub {
            kept.push((*line).to_owned());
            at += 1;
            continue;
        }
        let signature =
            line.trim_start_matches("func ").trim_end().trim_end_matches('{').trim_end();
        match signature.strip_prefix("(self *").and_then(|rest| rest.split_once(") ")) {
            Some((resource, method)) => {
                methods.entry(resource).or_default().push(format!("\t{}", named(method)));
            }
            None => kept.extend(variable(signature)),
        }
        at += 3;
    }
    let resources: Vec<String> = kept
        .iter()
        .filter_map(|line| line.strip_prefix("func (self *")?.split_once(") OnDrop() {}"))
        .map(|(resource, _)| resource.to_owned())
        .collect();
    for resource in &resources {
        let opening = format!("type {resource} struct {{");
        if let Some(line) = kept.iter_mut().find(|line| line.trim_end() == opening) {
            *line = format!("{opening}\n\t{resource}Methods");
        }
        kept.push(format!("\n// What a {resource} of this component can do."));
        kept.push(format!("type {resource}Methods interface {{"));
        kept.extend(methods.remove(resource.as_str()).unwrap_or_default());
        kept.push("}".to_owned());
    }
    kept.join("\n") + "\n"
}

/// The variable that stands for a function, or for a constructor.
fn variable(signature: &str) -> Vec<String> {
    let Some((name, rest)) = signature.split_once('(') else { return vec![signature.to_owned()] };
    let rest = named(&format!("({rest}"));
    let constructed = name.strip_prefix("Make").filter(|it| rest.ends_with(&format!(") *{it}")));
    let unset = |name: &str| format!("\tpanic(\"{name} is not set; set it in an init function\")");
    let Some(resource) = constructed else {
        let begin = format!("// {name} is called by the host. Set it in an init function.");
        return vec![begin, format!("var {name} = func{rest} {{"), unset(name), "}".to_owned()];
    };
    let parameters = rest.trim_end_matches(&format!(" *{resource}")).to_owned();
    let names: Vec<&str> = parameters
        .trim_start_matches('(')
        .trim_end_matches(')')
        .split(", arg_")
        .filter_map(|parameter| parameter.split_once(' '))
        .map(|(name, _)| name)
        .collect();
    let names = names
        .iter()
        .map(|name| format!("arg_{}", name.trim_start_matches("arg_")))
        .collect::<Vec<_>>()
        .join(", ");
    let new = format!("New{resource}");
    vec![
        format!("// {new} makes what stands behind a {resource}. Set it in an init function."),
        format!("var {new} = func{parameters} {resource}Methods {{"),
        unset(&new),
        "}".to_owned(),
        String::new(),
        format!("func Make{resource}{parameters} *{resource} {{"),
        format!("\treturn &{resource}{{{resource}Methods: {new}({names})}}"),
        "}".to_owned(),
    ]
}

/// A signature with the parameters of stubs (`_name`) under names that may be used.
fn named(signature: &str) -> String {
    signature.replace("(_", "(arg_").replace(", _", ", arg_")
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn a_function_becomes_a_variable() {
        let stub = "package p\n\nfunc Handle(_request *Request) R[A, B] {\n        panic(\"not implemented\")\n}\n";
        let text = fit(stub);
        assert!(text.contains("\nvar Handle = func(arg_request *Request) R[A, B] {\n"), "{text}");
        assert!(!text.contains("not implemented"), "{text}");
    }

    #[test]
    fn a_resource_becomes_a_struct_around_an_interface() {
        let stub = "type Counter struct {\n        handle int32\n}\n\nfunc (self *Counter) OnDrop() {}\n\n\
            func MakeCounter(_name string, _at uint64) *Counter {\n        panic(\"not implemented\")\n}\n\n\
            func (self *Counter) Add(_by uint64) Result[A, B] {\n        panic(\"not implemented\")\n}\n";
        let text = fit(stub);
        assert!(text.contains("type Counter struct {\n\tCounterMethods\n"), "{text}");
        assert!(
            text.contains("type CounterMethods interface {\n\tAdd(arg_by uint64) Result[A, B]\n}"),
            "{text}"
        );
        assert!(
            text.contains("var NewCounter = func(arg_name string, arg_at uint64) CounterMethods {"),
            "{text}"
        );
        assert!(
            text.contains("return &Counter{CounterMethods: NewCounter(arg_name, arg_at)}"),
            "{text}"
        );
    }

    #[test]
    fn other_files_stay() {
        let text = "package p\n\nfunc f() {\n\treturn\n}\n";
        assert_eq!(fit(text), text);
    }
}
