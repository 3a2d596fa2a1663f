//! Each service as its own process.

use std::{collections::BTreeMap, time::Duration};

use maestro_testkit::{Nats, Postgres};

use super::{Process, Scratch, Setup, maestro, process::Launch, up::Endpoints};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// The processes and the servers they share.
pub(crate) struct Services {
    processes: BTreeMap<String, Process>,
    launches: BTreeMap<String, Launch>,
    logs: std::path::PathBuf,
    pub(crate) nats: Nats,
    pub(crate) postgres: Postgres,
}

impl Services {
    /// Starts the servers, then every service at once and `maestro init` beside them.
    pub(super) async fn start(setup: &Setup, scratch: &Scratch) -> (Self, Endpoints) {
        let (nats, postgres) = tokio::join!(Nats::durable(), Postgres::start());
        let config = setup.write(scratch);
        let data = scratch.data();
        std::fs::create_dir_all(&data).unwrap();
        let (nats_url, database) = (nats.url(), postgres.database().await);
        let common: Vec<String> = [
            "--nats",
            &nats_url,
            "--database",
            &database,
            "--config",
            &config,
        ]
        .map(ToOwned::to_owned)
        .to_vec();
        let logs = scratch.path().join("logs");
        let mut services = Self {
            processes: BTreeMap::new(),
            launches: BTreeMap::new(),
            logs,
            nats,
            postgres,
        };
        let conductors = (1..=setup.conductors).map(|n| (format!("conductor-{n}"), "conductor"));
        let others = ["ingress", "executor", "projector", "gateway"].map(|s| (s.to_owned(), s));
        for (name, service) in conductors.chain(others) {
            let mut arguments = vec!["--data".to_owned(), data.display().to_string()];
            arguments.extend(["serve".to_owned(), service.to_owned()]);
            arguments.extend(common.clone());
            if matches!(service, "ingress" | "gateway") {
                arguments.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
            }
            let environment = setup.environment.clone();
            services.launches.insert(
                name.clone(),
                Launch {
                    name,
                    arguments,
                    environment,
                },
            );
        }
        let names: Vec<_> = services.launches.keys().cloned().collect();
        names.iter().for_each(|name| services.spawn(name));
        let init = ["init".to_owned()].into_iter().chain(common);
        let init = maestro(&data, init, &setup.environment).await.text();
        assert!(init.starts_with("ready"), "{init}");
        let endpoints = services.endpoints(&data, nats_url, database).await;
        (services, endpoints)
    }

    /// Waits until gateway and ingress listen. From now on they keep their ports.
    async fn endpoints(
        &mut self,
        data: &std::path::Path,
        nats: String,
        postgres: String,
    ) -> Endpoints {
        let gateway = self
            .listens("gateway", "the gateway listens", "listen.address")
            .await;
        let ingress = self.listens("ingress", "ingress listens", "address").await;
        Endpoints {
            ui: format!("http://{gateway}"),
            grpc: format!("http://{gateway}"),
            webhook: format!("http://{ingress}/api/v1/webhooks/github"),
            nats,
            postgres,
            webhook_secret_file: data.join("webhook_secret"),
        }
    }

    async fn listens(&mut self, name: &str, message: &str, field: &str) -> String {
        let entry = self.process(name).logged(message, READY_WITHIN).await;
        let address = entry[field]
            .as_str()
            .expect("the address it listens on")
            .to_owned();
        let launch = self.launches.get_mut(name).expect("a service");
        let listen = launch.arguments.last_mut().expect("the address asked for");
        listen.clone_from(&address);
        address
    }

    /// A service by name: `conductor-1`, `ingress`, `executor`, `projector`, `gateway`.
    pub(crate) fn process(&mut self, name: &str) -> &mut Process {
        self.processes
            .get_mut(name)
            .unwrap_or_else(|| panic!("no service {name} runs"))
    }

    /// Starts a service that is down.
    pub(crate) fn spawn(&mut self, name: &str) {
        let process = Process::spawn(&self.launches[name], &self.logs);
        self.processes.insert(name.to_owned(), process);
    }

    /// Starts a further process like `name` under another name, with further arguments.
    pub(crate) fn spawn_another(&mut self, name: &str, other: &str, arguments: &[&str]) {
        let mut launch = Launch {
            name: other.to_owned(),
            ..self.launches[name].clone()
        };
        launch
            .arguments
            .extend(arguments.iter().map(|each| (*each).to_owned()));
        self.launches.insert(other.to_owned(), launch);
        self.spawn(other);
    }

    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        self.processes.values()
    }

    /// Stops all services, leaving the servers.
    pub(crate) async fn stop(&mut self, within: Duration) {
        let processes = std::mem::take(&mut self.processes);
        let stops = processes.into_values().map(|mut process| async move {
            process.stop(within).await;
        });
        futures::future::join_all(stops).await;
    }
}
