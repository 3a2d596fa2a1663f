//! A row of `deliveries`.

use maestro_domain::{
    DeliveryId, Provider, VaultKey,
    command::Actor,
    event::{DeliveryDecided, InputProblem},
};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    changes::DeliveryKey,
    codec::{text, to_time},
    error::ApplyError,
    names::Texts,
    projection::Projected,
    query::Outcome,
};

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) provider: String,
    pub(super) id: String,
    pub(super) event: String,
    pub(super) action: Option<String>,
    pub(super) project_id: Option<Uuid>,
    pub(super) project: Option<String>,
    pub(super) repository_id: Option<i64>,
    pub(super) repository: Option<String>,
    pub(super) sender_id: Option<i64>,
    pub(super) sender: Option<String>,
    pub(super) number: Option<i64>,
    pub(super) outcome: Outcome,
    pub(super) reason: String,
    pub(super) verdicts: Value,
    pub(super) received_at: Option<OffsetDateTime>,
    pub(super) decided_at: OffsetDateTime,
    pub(super) stream_sequence: i64,
    pub(super) revision: i64,
}

impl Row {
    pub(super) fn decided(
        projected: &Projected,
        decided: &DeliveryDecided,
        texts: &Texts,
    ) -> Result<Option<(DeliveryKey, Self)>, ApplyError> {
        let commit = &projected.commit;
        let key = DeliveryKey {
            provider: decided.provider.clone(),
            id: decided.delivery.clone(),
        };
        let repository = decided.repository.as_ref();
        let sender = decided.sender.as_ref();
        let name = |key: VaultKey| texts.get(&key).map(str::to_owned);
        let row = Self {
            provider: key.provider.to_string(),
            id: key.id.to_string(),
            event: decided.event.clone(),
            action: decided.action.clone(),
            project_id: decided.project.map(maestro_domain::ProjectId::uuid),
            project: decided.project.map(|id| {
                commit
                    .project
                    .as_ref()
                    .map_or_else(|| id.to_string(), ToString::to_string)
            }),
            repository_id: repository.map(|r| r.id.cast_signed()),
            repository: repository.and_then(|r| name(VaultKey::repository_name(r))),
            sender_id: sender.map(|p| p.id.cast_signed()),
            sender: sender.and_then(|p| name(VaultKey::person_login(p))),
            number: decided.number.map(u64::cast_signed),
            outcome: if decided.reason.accepted() {
                Outcome::Accepted
            } else {
                Outcome::Ignored
            },
            reason: text(&decided.reason)?,
            verdicts: serde_json::to_value(&decided.triggers)?,
            received_at: Some(to_time(decided.received_at)),
            decided_at: to_time(commit.at),
            stream_sequence: commit.cause.seq.cast_signed(),
            revision: projected.seq.cast_signed(),
        };
        Ok(Some((key, row)))
    }

    /// A delivery that could not be decided. What its host is, and which id it had, are known from
    /// the commit; without an id it is listed by its sequence.
    pub(super) fn parked(
        projected: &Projected,
        seq: u64,
        problem: InputProblem,
        delivery: Option<&DeliveryId>,
    ) -> Result<Option<(DeliveryKey, Self)>, ApplyError> {
        let commit = &projected.commit;
        let provider = match &commit.actor {
            Actor::Host(provider) => Some(provider.clone()),
            _ => "github".parse::<Provider>().ok(),
        };
        let id = delivery
            .cloned()
            .or_else(|| format!("sequence-{seq}").parse().ok());
        let (Some(provider), Some(id)) = (provider, id) else {
            return Ok(None);
        };
        let row = Self {
            provider: provider.to_string(),
            id: id.to_string(),
            event: String::new(),
            action: None,
            project_id: None,
            project: None,
            repository_id: None,
            repository: None,
            sender_id: None,
            sender: None,
            number: None,
            outcome: Outcome::Parked,
            reason: text(&problem)?,
            verdicts: Value::Array(Vec::new()),
            received_at: None,
            decided_at: to_time(commit.at),
            stream_sequence: seq.cast_signed(),
            revision: projected.seq.cast_signed(),
        };
        Ok(Some((DeliveryKey { provider, id }, row)))
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.outcome == Outcome::Accepted
    }
}
