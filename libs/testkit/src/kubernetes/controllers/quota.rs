//! What of each quota is used.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::kubernetes::{
    admission,
    json::{self, entries, set},
    kind::Kind,
    quantity,
    state::State,
};

pub(super) fn reconcile(state: &mut State) {
    let all: Vec<Arc<Value>> = state.list(Kind::ResourceQuota, "").cloned().collect();
    for quota in all {
        let used: Map<String, Value> = entries(&quota, "/spec/hard")
            .map(|(resource, _)| {
                let used = admission::used(state, json::namespace(&quota), resource);
                (resource.clone(), quantity::text(used).into())
            })
            .collect();
        let mut new = Value::clone(&quota);
        set(&mut new, &["status", "hard"], quota["spec"]["hard"].clone());
        set(&mut new, &["status", "used"], used);
        state.put(Kind::ResourceQuota, new);
    }
}
