//! Garbage collection by owner references.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use crate::kubernetes::{
    delete::{Deletion, FOREGROUND, ORPHAN},
    json::{self, list, set, text},
    kind::Kind,
    state::State,
};

pub(super) fn reconcile(state: &mut State) {
    let live: BTreeSet<String> = state
        .all()
        .map(|(_, object)| json::uid(object).to_owned())
        .collect();
    let owned: Vec<(Kind, Arc<Value>)> = state
        .all()
        .filter(|(_, object)| !list(object, "/metadata/ownerReferences").is_empty())
        .map(|(kind, object)| (kind, Arc::clone(object)))
        .collect();
    for (kind, object) in &owned {
        let owners = list(object, "/metadata/ownerReferences");
        let absent = owners
            .iter()
            .all(|owner| !live.contains(text(owner, "/uid")));
        if absent && !json::deleting(object) {
            // Without preconditions nothing is refused.
            let _ = state.delete_object(*kind, object, &Deletion::background());
        }
    }
    let waiting: Vec<(Kind, Arc<Value>)> = state
        .all()
        .filter(|(_, object)| json::deleting(object))
        .filter(|(_, object)| {
            [FOREGROUND, ORPHAN]
                .iter()
                .any(|finalizer| json::has_finalizer(object, finalizer))
        })
        .map(|(kind, object)| (kind, Arc::clone(object)))
        .collect();
    for (kind, owner) in waiting {
        let dependents: Vec<_> = owned
            .iter()
            .filter(|(_, object)| is_owned_by(object, &owner))
            .collect();
        if json::has_finalizer(&owner, ORPHAN) {
            dependents
                .iter()
                .for_each(|(kind, object)| disown(state, *kind, object, &owner));
            release(state, kind, &owner, ORPHAN);
        } else {
            collect(state, kind, &owner, &dependents);
        }
    }
}

/// Foreground: the dependents first; the owner waits for those that block it.
fn collect(state: &mut State, kind: Kind, owner: &Value, dependents: &[&(Kind, Arc<Value>)]) {
    for (kind, object) in dependents
        .iter()
        .filter(|(_, object)| !json::deleting(object))
    {
        let deletion = match kind {
            Kind::Pod => Deletion::background(),
            _ => Deletion::foreground(),
        };
        // Without preconditions nothing is refused.
        let _ = state.delete_object(*kind, object, &deletion);
    }
    let blocks = |object: &Value| {
        list(object, "/metadata/ownerReferences")
            .iter()
            .any(|reference| {
                text(reference, "/uid") == json::uid(owner)
                    && json::flag(reference, "/blockOwnerDeletion")
            })
    };
    let blocked = dependents.iter().any(|(kind, object)| {
        let still = state.get(*kind, json::namespace(object), json::name(object));
        still.is_some_and(|still| json::uid(still) == json::uid(object) && blocks(still))
    });
    if !blocked {
        release(state, kind, owner, FOREGROUND);
    }
}

fn release(state: &mut State, kind: Kind, owner: &Value, finalizer: &str) {
    if let Some(mut new) = state.copy(kind, json::namespace(owner), json::name(owner)) {
        json::remove_finalizer(&mut new, finalizer);
        state.put(kind, new);
    }
}

fn disown(state: &mut State, kind: Kind, object: &Value, owner: &Value) {
    let Some(mut new) = state.copy(kind, json::namespace(object), json::name(object)) else {
        return;
    };
    let references: Vec<_> = list(&new, "/metadata/ownerReferences")
        .iter()
        .filter(|reference| text(reference, "/uid") != json::uid(owner))
        .cloned()
        .collect();
    if references.is_empty() {
        json::remove(&mut new, &["metadata", "ownerReferences"]);
    } else {
        set(&mut new, &["metadata", "ownerReferences"], references);
    }
    state.put(kind, new);
}

pub(super) fn is_owned_by(object: &Value, owner: &Value) -> bool {
    list(object, "/metadata/ownerReferences")
        .iter()
        .any(|reference| text(reference, "/uid") == json::uid(owner))
}
