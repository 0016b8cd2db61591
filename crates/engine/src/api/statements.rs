//! Runs single statements and scripts.

use super::plain::plain;
use super::query;
use super::session::Session;
use crate::answer::{Answer, Error, Result, listing};
use crate::bounds::{Interrupt, Listeners};
use futures::{FutureExt, Stream};
use plusminus_catalog::{CatalogError, Manifest};
use plusminus_dialect::{BoundedSql, Setting, SettingName, SqlClass, Statement, StatementKind, parse_script};
use std::sync::{Arc, PoisonError};
use std::task::Poll;

impl Session {
    /// Splits a script into statements.
    ///
    /// # Errors
    /// [`Error::Syntax`] with a place and a next step.
    pub fn parse(&self, script: &str) -> Result<Vec<Statement>> {
        Ok(parse_script(script)?)
    }

    /// Runs every statement of `script`, stopping at the first error.
    ///
    /// # Errors
    /// The error of the first statement that fails; later statements are not run.
    pub async fn execute(&self, script: &str) -> Result<Vec<Answer>> {
        let mut answers = Vec::new();
        for statement in self.parse(script)? {
            answers.push(self.run(&statement).await?);
        }
        Ok(answers)
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn run(&self, statement: &Statement) -> Result<Answer> {
        self.run_with_listeners(statement, Listeners::default()).await
    }

    /// Runs one statement; when `interrupt` is requested, a query returns its best answer so far.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Interrupted`] when there is no answer yet.
    pub async fn run_interruptible(&self, statement: &Statement, interrupt: &Interrupt) -> Result<Answer> {
        let listeners = Listeners { interrupt: Some(interrupt.clone()), levels: None };
        self.run_with_listeners(statement, listeners).await
    }

    /// Runs one statement and streams the answer of every level as it is finished, the final one last; see
    /// [`Query::stream`](crate::Query::stream).
    pub fn stream(
        &self,
        statement: &Statement,
        interrupt: &Interrupt,
    ) -> impl Stream<Item = Result<Answer>> + Send + Unpin + use<> {
        self.stream_with_listeners(statement.clone(), Some(interrupt.clone()))
    }

    pub(crate) fn stream_with_listeners(
        &self,
        statement: Statement,
        interrupt: Option<Interrupt>,
    ) -> impl Stream<Item = Result<Answer>> + Send + Unpin + use<> {
        let (sender, mut levels) = tokio::sync::mpsc::unbounded_channel();
        let listeners = Listeners { interrupt, levels: Some(sender) };
        let session = self.clone();
        let mut query = Some(async move { session.run_with_listeners(&statement, listeners).await }.boxed());
        let mut last = None;
        futures::stream::poll_fn(move |context| {
            if let Some(Poll::Ready(done)) = query.as_mut().map(|query| query.poll_unpin(context)) {
                (query, last) = (None, Some(done));
            }
            // Levels that were finished before the end come before it, and nothing comes after it.
            match levels.poll_recv(context) {
                Poll::Ready(Some(answer)) if query.is_some() || last.is_some() => Poll::Ready(Some(Ok(answer))),
                _ if query.is_none() => Poll::Ready(last.take()),
                _ => Poll::Pending,
            }
        })
    }

    pub(crate) async fn run_with_listeners(&self, statement: &Statement, listeners: Listeners) -> Result<Answer> {
        // Whoever changes tables of this session now registers them, and would be undone by definitions from before.
        if let Ok(_turn) = self.env.changes.try_lock() {
            self.refresh_tables().await?;
        }
        // A query has an answer so far; any other statement is given up.
        let is_query = matches!(&statement.kind, StatementKind::Sql(sql) if sql.class == SqlClass::Query);
        let interrupt = listeners.interrupt.clone().filter(|_| !is_query);
        // Boxed, so that callers do not have to compile the whole future of a query.
        let done = self.dispatch(statement, listeners).boxed();
        match interrupt {
            None => done.await,
            Some(interrupt) => tokio::select! {
                done = done => done,
                () = interrupt.requested() => Err(Error::Interrupted),
            },
        }
    }

    async fn dispatch(&self, statement: &Statement, listeners: Listeners) -> Result<Answer> {
        match &statement.kind {
            StatementKind::Sql(sql) => self.run_sql(sql, listeners).await,
            StatementKind::Summarize { source, bounds } => self.summarize(source, bounds).await,
            StatementKind::CreateSample(create) => self.create_sample(create).await,
            StatementKind::ShowSamples => self.show_samples(&self.env.families()?).await,
            StatementKind::DescribeSample { name } => listing::family(&self.env.store.family(name)?),
            StatementKind::VerifySample { name } => self.verify(name).await,
            StatementKind::DropSample { name, if_exists } => self.drop_sample(name, *if_exists),
            StatementKind::Set { setting } => Ok(self.set(setting.clone())),
            StatementKind::Reset { name } => Ok(self.reset(*name)),
            StatementKind::RefreshSample { name } => Err(Error::unsupported(
                "REFRESH SAMPLE is not supported yet",
                format!("CREATE OR REPLACE SAMPLE {name} … builds it anew"),
            )),
            StatementKind::CreateSamples(_) => Err(Error::unsupported(
                "CREATE SAMPLES … FOR WORKLOAD is not supported yet",
                "CREATE SAMPLE name ON table STRATIFIED BY (the columns you group by most)",
            )),
        }
    }

    async fn run_sql(&self, sql: &BoundedSql, listeners: Listeners) -> Result<Answer> {
        match sql.class {
            SqlClass::Query => query::run(self, sql, listeners).await,
            SqlClass::Other => plain(self, &sql.head, Some(sql.head_start)).await,
        }
    }

    /// Runs SHOW SAMPLES: lists samples, and whether each is fresh or stale.
    pub(crate) async fn show_samples(&self, families: &[Arc<Manifest>]) -> Result<Answer> {
        let mut states = Vec::with_capacity(families.len());
        for manifest in families {
            states.push(self.env.freshness(manifest).await);
        }
        listing::samples(families, &states)
    }

    /// Runs VERIFY SAMPLE: compares every byte with the manifest.
    async fn verify(&self, name: &str) -> Result<Answer> {
        let manifest = self.env.store.family(name)?;
        let mut found = self.env.store.verify(&manifest);
        match found.damage.pop() {
            Some(damage) => Err(damage.into()),
            None => Ok(listing::message(&format!(
                "sample '{name}' is whole: {} files, {} bytes match their checksums; it is {}",
                found.files,
                found.bytes,
                self.env.freshness(&Arc::new(manifest)).await
            ))),
        }
    }

    fn drop_sample(&self, name: &str, if_exists: bool) -> Result<Answer> {
        match self.env.store.drop_family(name) {
            Ok(()) => Ok(listing::message(&format!("sample '{name}' dropped"))),
            // Another process may have dropped it in the meantime.
            Err(CatalogError::NotFound { .. }) if if_exists => {
                Ok(listing::message(&format!("there is no sample '{name}'")))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn set(&self, setting: Setting) -> Answer {
        let name = setting.name();
        let mut defaults = self.env.defaults.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = match &setting {
            Setting::Error(Some(bound)) => {
                let unit = if bound.relative { "%" } else { "" };
                format!("{}{unit}", bound.amount)
            }
            Setting::Within(Some(bound)) => format!("{} {}", bound.amount, bound.unit),
            Setting::Confidence(Some(percent)) => format!("{percent}%"),
            Setting::OnMiss(Some(choice)) => choice.as_str().to_lowercase(),
            Setting::Sample(Some(name)) => name.clone(),
            Setting::Level(Some(level)) => level.to_string(),
            _ => "none".to_owned(),
        };
        match setting {
            Setting::Error(value) => defaults.error = value,
            Setting::Within(value) => defaults.within = value,
            Setting::Confidence(value) => defaults.confidence_percent = value,
            Setting::OnMiss(value) => defaults.on_miss = value,
            Setting::Sample(value) => defaults.sample = value,
            Setting::Level(value) => defaults.level = value,
        }
        listing::message(&format!("plusminus.{} = {shown}", name.as_str()))
    }

    fn reset(&self, name: SettingName) -> Answer {
        self.set(match name {
            SettingName::Error => Setting::Error(None),
            SettingName::Within => Setting::Within(None),
            SettingName::Confidence => Setting::Confidence(None),
            SettingName::OnMiss => Setting::OnMiss(None),
            SettingName::Sample => Setting::Sample(None),
            SettingName::Level => Setting::Level(None),
        })
    }
}
