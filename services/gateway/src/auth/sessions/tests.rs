use std::sync::atomic::AtomicI64;

use maestro_eventlog::{EventLog, Settings, VaultKeys};
use maestro_testkit::Nats;

use super::*;

/// A vault, and gateways whose clock the test moves.
struct World {
    _nats: Nats,
    vault: Vault,
    millis: Arc<AtomicI64>,
}

impl World {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let log = EventLog::connect(&Settings::single(nats.url()))
            .await
            .unwrap();
        log.ensure().await.unwrap();
        let vault = log.vault(VaultKeys::random());
        let millis = Arc::new(AtomicI64::new(1_795_176_000_000));
        Self {
            _nats: nats,
            vault,
            millis,
        }
    }

    fn gateway(&self) -> Sessions {
        let millis = Arc::clone(&self.millis);
        let clock = move || Timestamp::from_millis(millis.load(Ordering::SeqCst));
        Sessions::new(self.vault.clone(), Arc::new(clock))
    }

    fn wait(&self, length: Duration) {
        let length = i64::try_from(length.as_millis()).unwrap();
        self.millis.fetch_add(length, Ordering::SeqCst);
    }

    async fn sign_in(&self, gateway: &Sessions) -> Digest {
        let code = gateway.issue().await.unwrap().code;
        gateway.redeem(&code).await.unwrap().unwrap().digest()
    }
}

const A_MOMENT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn codes_and_sessions_end_by_themselves_and_are_swept() {
    let world = World::start().await;
    let gateway = world.gateway();
    let late = gateway.issue().await.unwrap().code;
    world.wait(CODE_LIFETIME);
    assert!(gateway.redeem(&late).await.unwrap().is_none());

    let session = world.sign_in(&gateway).await;
    world.wait(SESSION_LIFETIME - A_MOMENT);
    let identity = gateway.resolve(session).await.unwrap().unwrap();
    assert_eq!(identity.user, OPERATOR);
    world.wait(A_MOMENT);
    gateway.ended(&identity).await;
    assert!(gateway.resolve(session).await.unwrap().is_none());
    assert!(world.gateway().resolve(session).await.unwrap().is_none());

    world.sign_in(&gateway).await;
    assert_eq!(world.vault.list_prefix("session.").await.unwrap().len(), 1);
    assert!(world.vault.list_prefix("login.").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_code_works_at_one_of_many_gateways() {
    let world = World::start().await;
    let code = world.gateway().issue().await.unwrap().code;
    let attempts = (0..8).map(|_| {
        let (gateway, code) = (world.gateway(), code.clone());
        async move { gateway.redeem(&code).await.unwrap().is_some() }
    });
    let signed_in = futures::future::join_all(attempts).await;
    assert_eq!(signed_in.iter().filter(|worked| **worked).count(), 1);
}

#[tokio::test]
async fn a_session_ended_at_another_gateway_is_soon_not_believed_any_more() {
    let world = World::start().await;
    let (here, there) = (world.gateway(), world.gateway());
    let session = world.sign_in(&here).await;
    assert!(there.resolve(session).await.unwrap().is_some());
    here.end(session).await.unwrap();
    assert!(here.resolve(session).await.unwrap().is_none());

    tokio::time::pause();
    tokio::time::advance(FRESH).await;
    tokio::time::resume();
    assert!(there.resolve(session).await.unwrap().is_none());
}

#[tokio::test]
async fn the_vault_holds_nothing_that_signs_in() {
    let world = World::start().await;
    let gateway = world.gateway();
    let code = gateway.issue().await.unwrap().code;
    let key = VaultKey::login_code(&code.digest());
    assert!(!key.as_str().contains(code.expose()));
    let stored = world.vault.get(&key).await.unwrap().unwrap();
    let stored = String::from_utf8(stored.to_vec()).unwrap();
    assert!(!stored.contains(code.expose()), "{stored}");
}
