//! Pools as people read them.

use maestro_contracts::v1::{ListSlotsResponse, Slot, SlotPool, SlotState};
use maestro_domain::Timestamp;

use crate::cli::{
    commands::executors::standing_of,
    output::{Output, Paint, text_of},
    times,
};

/// Waiting runs named of each pool.
const NAMED: usize = 5;

/// The slots that are held, how many are free, and who waits.
pub(super) fn render(output: Output, slots: &ListSlotsResponse) -> String {
    if slots.pools.is_empty() {
        return "There are no slot pools.".to_owned();
    }
    let now = maestro_runtime::clock::now();
    let mut table = output.table(&[
        "PROJECT", "POOL", "SLOT", "STATE", "RUN", "EXECUTOR", "SINCE", "UNTIL",
    ]);
    for pool in &slots.pools {
        let held = pool
            .slots
            .iter()
            .filter(|slot| slot.state() != SlotState::Free);
        for slot in held.clone() {
            table.add_row(vec![
                pool.project.as_str().into(),
                pool.name.as_str().into(),
                slot.number.into(),
                state(slot),
                slot.run_id.as_str().into(),
                holder(slot).into(),
                times::ago(slot.leased_at, now).into(),
                deadline(slot, now).into(),
            ]);
        }
        let free = pool.slots.len() - held.count();
        if free > 0 || pool.slots.is_empty() {
            table.add_row(vec![
                pool.project.as_str().into(),
                pool.name.as_str().into(),
                "-".into(),
                Paint::Faint.cell(format!("{free} free")),
            ]);
        }
    }
    let notes = slots.pools.iter().flat_map(|pool| notes(pool, now));
    std::iter::once(text_of(&table))
        .chain(notes)
        .collect::<Vec<_>>()
        .join("\n")
}

fn state(slot: &Slot) -> comfy_table::Cell {
    match slot.state() {
        SlotState::Leased => Paint::Busy.cell("leased"),
        SlotState::Releasing => Paint::Bad.cell("releasing"),
        SlotState::Free | SlotState::Unspecified => Paint::Faint.cell("free"),
    }
}

/// The executor, and what is unusual about it.
fn holder(slot: &Slot) -> String {
    if slot.executor_id.is_empty() {
        return "-".to_owned();
    }
    let unusual = match (slot.moved, standing_of(slot.executor_standing()).0) {
        (true, _) => " (taking over)".to_owned(),
        (false, "present") => String::new(),
        (false, standing) => format!(" ({standing})"),
    };
    format!("{}{unusual}", slot.executor_id)
}

fn deadline(slot: &Slot, now: Timestamp) -> String {
    if slot.state() == SlotState::Releasing {
        return "its end is seen".to_owned();
    }
    times::until(slot.until, now)
}

fn notes(pool: &SlotPool, now: Timestamp) -> Vec<String> {
    let name = format!("{}/{}", pool.project, pool.name);
    let mut notes = Vec::new();
    if pool.paused {
        notes.push(format!("{name} is paused: nothing of it starts"));
    }
    if pool.queued > 0 {
        let count = match pool.queued {
            1 => "1 run waits".to_owned(),
            count => format!("{count} runs wait"),
        };
        notes.push(format!("{count} for {name}:"));
        notes.extend(pool.queue.iter().take(NAMED).map(|queued| {
            let since = times::ago(queued.waiting_since, now);
            format!("  {} {} {since}", queued.run_id, queued.trigger)
        }));
        if pool.queued as usize > NAMED {
            notes.push("  ...".to_owned());
        }
    }
    notes
}
