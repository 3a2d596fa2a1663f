//! A running Maestro.

use std::{ffi::OsStr, path::PathBuf, time::Duration};

use maestro_eventlog::{EventLog, Settings};
use maestro_readmodel::ReadModel;
use maestro_runtime::clock;
use reqwest::Client;

use super::{
    Process, Scratch, Services, Setup, Topology,
    command::{Called, maestro},
    history::History,
    processes,
    up::{self, Endpoints},
};

/// Longest time that stopping may take.
const STOP_WITHIN: Duration = Duration::from_secs(10);
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A deployment. Nothing of it is left once it is dropped.
pub(crate) struct Deployment {
    pub(crate) at: Endpoints,
    pub(crate) secret: String,
    pub(crate) http: Client,
    setup: Setup,
    parts: Parts,
    pub(crate) scratch: Scratch,
}

enum Parts {
    Up(Option<Box<Process>>),
    Services(Box<Services>),
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.tails());
        }
    }
}

impl Deployment {
    pub(super) async fn start(setup: Setup) -> Self {
        let scratch = Scratch::new();
        let (parts, at) = match setup.topology {
            Topology::Up => {
                let (process, at) = up::start(&setup, &scratch).await;
                (Parts::Up(Some(Box::new(process))), at)
            }
            Topology::Services => {
                let (services, at) = Services::start(&setup, &scratch).await;
                (Parts::Services(Box::new(services)), at)
            }
        };
        let secret = std::fs::read_to_string(&at.webhook_secret_file)
            .unwrap()
            .trim()
            .to_owned();
        let http = Client::builder()
            .pool_max_idle_per_host(64)
            .build()
            .unwrap();
        let deployment = Self {
            at,
            secret,
            http,
            setup,
            parts,
            scratch,
        };
        let ready = format!("{}/readyz", deployment.at.ui);
        deployment
            .eventually(
                "the gateway is ready",
                Duration::from_secs(30),
                async || {
                    let answer = deployment.http.get(&ready).send().await.ok()?;
                    answer.status().is_success().then_some(())
                },
            )
            .await;
        deployment
    }

    /// The process of `maestro up`.
    pub(crate) fn process(&mut self) -> &mut Process {
        match &mut self.parts {
            Parts::Up(process) => process.as_mut().expect("it runs"),
            Parts::Services(_) => panic!("there are several processes"),
        }
    }

    /// The processes of `maestro serve`.
    pub(crate) fn services(&mut self) -> &mut Services {
        match &mut self.parts {
            Parts::Services(services) => services,
            Parts::Up(_) => panic!("there is one process"),
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.scratch.data()
    }

    /// Ends `maestro up` alone, as a crash would.
    pub(crate) async fn kill9(&mut self) {
        self.process().kill9().await;
    }

    /// Starts `maestro up` again after `kill9` or `stop`; its port is another one.
    pub(crate) async fn start_again(&mut self) {
        let (process, at) = up::start(&self.setup, &self.scratch).await;
        self.at = at;
        self.parts = Parts::Up(Some(Box::new(process)));
    }

    /// Stops everything but runs; they are designed to survive.
    pub(crate) async fn stop(&mut self) {
        match &mut self.parts {
            Parts::Up(process) => {
                process.take().expect("it runs").stop(STOP_WITHIN).await;
            }
            Parts::Services(services) => services.stop(STOP_WITHIN).await,
        }
    }

    /// Stops everything and makes sure that no process is left over.
    pub(crate) async fn stop_leaving_nothing(mut self) {
        self.stop().await;
        assert_eq!(
            processes::of(self.scratch.path()),
            [],
            "nothing is left over"
        );
    }

    /// Calls the command line on this deployment.
    pub(crate) async fn cli<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Called {
        let url = |name: &str, url: &str| (name.to_owned(), url.to_owned());
        let environment = match self.parts {
            Parts::Up(_) => Vec::new(),
            Parts::Services(_) => {
                vec![
                    url("MAESTRO_URL", &self.at.grpc),
                    url("MAESTRO_NATS", &self.at.nats),
                ]
            }
        };
        maestro(&self.data(), arguments, &environment).await
    }

    /// The log, read past Maestro.
    pub(crate) async fn log(&self) -> EventLog {
        let (url, prefix) = (self.at.nats.clone(), "maestro".to_owned());
        let log = EventLog::connect(&Settings {
            url,
            prefix,
            replicas: 1,
        })
        .await;
        log.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The read models, read past Maestro.
    pub(crate) fn model(&self) -> ReadModel {
        ReadModel::connect(&self.at.postgres).unwrap()
    }

    /// Waits until every read model holds the log as far as `history` goes.
    pub(crate) async fn caught_up(&self, history: &History) {
        let (model, last) = (self.model(), history.state.head.n);
        let holds = async || {
            let projections = model.projections().await.ok()?;
            let all =
                !projections.is_empty() && projections.iter().all(|each| each.revision >= last);
            all.then_some(())
        };
        self.eventually("the read models have caught up", CAUGHT_UP_WITHIN, holds)
            .await;
    }

    /// The last log lines of every process.
    fn tails(&self) -> String {
        let tails: Vec<_> = match &self.parts {
            Parts::Up(process) => process.iter().map(|process| process.tail()).collect(),
            Parts::Services(services) => services.processes().map(Process::tail).collect(),
        };
        tails.join("\n")
    }

    /// Asks until there is an answer; fails with `what` and the logs when there is none in time.
    pub(crate) async fn eventually<T>(
        &self,
        what: &str,
        within: Duration,
        mut ask: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let deadline = clock::monotonic() + within;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            let in_time = clock::monotonic() < deadline;
            assert!(in_time, "not within {within:?}: {what}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
