//! On whose behalf a request is made.

use maestro_domain::{Digest, Timestamp, UserId};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The one user there is until staff accounts exist: whoever operates the machine.
pub const OPERATOR: UserId = UserId::new(Uuid::from_u128(1));

/// Who makes a request. The layer puts it into the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The user.
    pub(crate) user: UserId,
    /// The session it came by; `None` for a bearer token.
    pub(crate) session: Option<LiveSession>,
}

/// A session that was valid when the request came in.
#[derive(Debug, Clone)]
pub(crate) struct LiveSession {
    /// Digest of its token.
    pub(crate) token: Digest,
    /// When it ends by itself.
    pub(crate) expires_at: Timestamp,
    /// Cancelled when it is ended through this gateway.
    pub(crate) ended: CancellationToken,
}

impl Identity {
    /// The operator, by bearer token.
    pub(crate) const fn operator() -> Self {
        Self {
            user: OPERATOR,
            session: None,
        }
    }

    /// When it ends by itself; never for a bearer token.
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.session
            .as_ref()
            .map_or(Timestamp::from_millis(i64::MAX), |session| {
                session.expires_at
            })
    }

    /// The name shown for the user.
    pub(crate) fn name(&self) -> &'static str {
        if self.user == OPERATOR {
            "operator"
        } else {
            "user"
        }
    }
}
