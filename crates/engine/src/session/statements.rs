//! One statement in, one answer out.

use super::Session;
use crate::answer::Answer;
use crate::error::{Error, Result};
use crate::listing;
use crate::query;
use futures::FutureExt;
use plusminus_dialect::{BoundedSql, Setting, SettingName, SqlClass, Statement, StatementKind, parse_script};
use std::sync::PoisonError;

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
    /// The error of the first statement that fails; nothing of later statements is done.
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
        // Boxed, so that whoever calls this need not compile what a query is made of.
        self.dispatch(statement).boxed().await
    }

    async fn dispatch(&self, statement: &Statement) -> Result<Answer> {
        match &statement.kind {
            StatementKind::Sql(sql) => self.run_sql(sql).await,
            StatementKind::CreateSample(create) => self.create_sample(create).await,
            StatementKind::ShowSamples => listing::samples(&self.families()?),
            StatementKind::DescribeSample { name } => listing::family(&self.inner.store.family(name)?),
            StatementKind::VerifySample { name } => self.verify(name),
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

    async fn run_sql(&self, sql: &BoundedSql) -> Result<Answer> {
        match sql.class {
            SqlClass::Query => query::run(self, sql).await,
            SqlClass::Other => query::plain(self, &sql.head).await,
        }
    }

    /// VERIFY SAMPLE: every byte against the manifest.
    fn verify(&self, name: &str) -> Result<Answer> {
        let manifest = self.inner.store.family(name)?;
        let mut found = self.inner.store.verify(&manifest);
        match found.damage.pop() {
            Some(damage) => Err(damage.into()),
            None => Ok(listing::message(&format!(
                "sample '{name}' is whole: {} files, {} bytes match their checksums",
                found.files, found.bytes
            ))),
        }
    }

    fn drop_sample(&self, name: &str, if_exists: bool) -> Result<Answer> {
        if if_exists && !self.families()?.iter().any(|m| m.name == name) {
            return Ok(listing::message(&format!("there is no sample '{name}'")));
        }
        self.inner.store.drop_family(name)?;
        Ok(listing::message(&format!("sample '{name}' dropped")))
    }

    fn set(&self, setting: Setting) -> Answer {
        let name = setting.name();
        let mut defaults = self.inner.defaults.lock().unwrap_or_else(PoisonError::into_inner);
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
