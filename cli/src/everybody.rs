//! A program, and everybody who has an account of it: what commands look at partner by partner.

use anyhow::{Context, bail};
use clap::Args;
use event::ids::{PartnerId, ProgramId};
use indicatif::{ProgressBar, ProgressStyle};
use program::Programs;
use store::Store;

use crate::connect::Connect;

/// Whose partners.
#[derive(Args)]
pub(crate) struct Whose {
    /// The program.
    #[arg(long)]
    pub(crate) program: String,
    #[command(flatten)]
    connect: Connect,
}

/// A program, and everybody who has an account of it.
pub(crate) struct Everybody {
    pub(crate) store: Store,
    pub(crate) programs: Programs,
    pub(crate) partners: Vec<PartnerId>,
}

impl Whose {
    pub(crate) async fn everybody(&self) -> anyhow::Result<Everybody> {
        let store = self.connect.store().await?;
        let program = ProgramId::try_from(self.program.as_str()).context("--program is no id")?;
        let Some(programs) = store::programs::read(&store, &program).await? else {
            bail!("the program {program} has no published version")
        };
        let all = store::everybody::list(&store).await?.into_iter();
        let of_program = all.filter(|(of, _)| of.as_str() == program.as_str());
        let partners = of_program.filter_map(|(_, partner)| PartnerId::try_from(partner.as_str()).ok());
        let partners = partners.filter(|partner| !partner.is_internal()).collect();
        Ok(Everybody { store, programs, partners })
    }
}

/// How many partners were looked at.
pub(crate) fn bar(partners: usize) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{pos}/{len} partners {wide_bar} {eta}")?;
    Ok(ProgressBar::new(partners as u64).with_style(style))
}
