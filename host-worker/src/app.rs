//! The app as its bundle describes it: what `selvedge bundle` took from the manifest, read once.

use js_sys::{Array, Object, Reflect};
use selvedge_contract::host::HostPattern;
use selvedge_contract::limits::{Limited, Limits, LimitsPatch, ObjectLimits};
use selvedge_contract::route::{Pattern, Table};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};

#[wasm_bindgen(raw_module = "../app.js")]
extern "C" {
    /// The app, as the bundle has it.
    #[wasm_bindgen(thread_local_v2, js_name = app)]
    static DESCRIBED: JsValue;
}

thread_local! {
    static APP: Rc<App> = DESCRIBED.with(|described| Rc::new(App::read(described)));
}

/// Names, each with what it stands for at the edge: the binding of a store, a class, a var or a secret.
pub(crate) type Names = Vec<(String, String)>;

/// An app that can be served.
pub(crate) struct App {
    /// Services and classes of objects; glue knows them by their index here.
    pub(crate) compositions: Vec<Composition>,
    /// Which service answers, by index.
    pub(crate) routes: Table<usize>,
    /// Every store of the app.
    pub(crate) stores: Vec<String>,
    /// Every class of objects.
    pub(crate) classes: Vec<String>,
}

/// A service, or a class of objects.
pub(crate) struct Composition {
    /// Its name in the manifest.
    pub(crate) name: String,
    /// The component that answers.
    pub(crate) component: String,
    /// What it is, with its bounds.
    pub(crate) kind: Kind,
    /// Stores that it may open, with their bindings.
    pub(crate) keyvalue: Names,
    /// Classes that it may call, with their bindings.
    pub(crate) objects: Names,
    /// Hosts that it may send requests to.
    pub(crate) allow_hosts: Vec<HostPattern>,
    /// Keys of `wasi:config` that are no secret, each with the variable that has it.
    pub(crate) vars: Names,
    /// Those that are, with their bindings.
    pub(crate) secrets: Names,
    /// Requests that are being answered, or calls that are under way.
    pub(crate) busy: Cell<u32>,
    /// Instances that live.
    pub(crate) instances: Cell<u32>,
}

/// What a composition is.
pub(crate) enum Kind {
    /// It answers HTTP.
    Service(Limits),
    /// It is a class of durable objects.
    Object(ObjectLimits),
}

/// The app of this Worker.
pub(crate) fn app() -> Rc<App> {
    APP.with(Rc::clone)
}

impl App {
    fn read(described: &JsValue) -> Self {
        let mut routes = Table::new();
        let mut compositions = Vec::new();
        for (index, value) in list(described, "compositions").enumerate() {
            for route in list(&value, "routes") {
                // What the manifest's reader took is taken here as well: it is the same code.
                if let Ok(pattern) = Pattern::parse(&route.as_string().unwrap_or_default()) {
                    let _ = routes.insert(pattern, index);
                }
            }
            compositions.push(Composition::read(&value));
        }
        let texts = |key| list(described, key).filter_map(|text| text.as_string()).collect();
        let classes = names(described, "classes").into_iter().map(|(class, _)| class).collect();
        Self { compositions, routes, stores: texts("stores"), classes }
    }
}

impl Composition {
    fn read(value: &JsValue) -> Self {
        let limits = get(value, "limits");
        let kind = match text(value, "kind").as_str() {
            "object" => Kind::Object(read_limits(&limits)),
            _ => Kind::Service(read_limits(&limits)),
        };
        let hosts = list(value, "allow_hosts").filter_map(|host| host.as_string());
        Self {
            name: text(value, "name"),
            component: text(value, "component"),
            kind,
            keyvalue: names(value, "keyvalue"),
            objects: names(value, "objects"),
            allow_hosts: hosts.filter_map(|host| HostPattern::parse(&host).ok()).collect(),
            vars: names(value, "vars"),
            secrets: names(value, "secrets"),
            busy: Cell::new(0),
            instances: Cell::new(0),
        }
    }

    /// The bounds of a service; of a class of objects those that a service has by default.
    pub(crate) fn limits(&self) -> Limits {
        match &self.kind {
            Kind::Service(limits) => limits.clone(),
            Kind::Object(_) => Limits::default(),
        }
    }
}

/// What a name stands for, where it is there.
pub(crate) fn find<'n>(names: &'n Names, name: &str) -> Option<&'n str> {
    names.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Adds one unless that would be more than `most`.
pub(crate) fn claim(count: &Cell<u32>, most: u32) -> bool {
    let free = count.get() < most;
    if free {
        count.set(count.get() + 1);
    }
    free
}

/// Gives back what [`claim`] took.
pub(crate) fn release(count: &Cell<u32>) {
    count.set(count.get().saturating_sub(1));
}

fn read_limits<L: Limited>(value: &JsValue) -> L {
    let mut patch = LimitsPatch::default();
    for field in L::fields() {
        if let Some(number) = get(value, field.key).as_f64() {
            // Whole numbers below 2^53: the manifest's reader has bounded them.
            let _ = patch.set(field, number as u64);
        }
    }
    patch.over(L::default())
}

fn get(of: &JsValue, key: &str) -> JsValue {
    Reflect::get(of, &JsValue::from_str(key)).unwrap_or_default()
}

fn text(of: &JsValue, key: &str) -> String {
    get(of, key).as_string().unwrap_or_default()
}

fn list(of: &JsValue, key: &str) -> impl Iterator<Item = JsValue> + use<> {
    get(of, key).dyn_into::<Array>().unwrap_or_default().into_iter()
}

fn names(of: &JsValue, key: &str) -> Names {
    let Ok(object) = get(of, key).dyn_into::<Object>() else { return Names::new() };
    let entries = Object::entries(&object).into_iter().map(|entry| {
        let entry = Array::from(&entry);
        (entry.get(0).as_string().unwrap_or_default(), entry.get(1).as_string().unwrap_or_default())
    });
    entries.collect()
}
