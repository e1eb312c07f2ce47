//! `codes load`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use domain::text::ProgramId;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::connect::Connect;
use crate::{default_data, programs::read};

/// Voucher card codes.
#[derive(Subcommand)]
pub(crate) enum Codes {
    /// Load card codes of a reward, one a line; a code is loaded once, however often its file is.
    #[command(after_help = "Example:\n  laurel codes load starbucks-10 codes.txt --program hr-software")]
    Load(Load),
}

/// Load card codes of a reward.
#[derive(Args)]
pub(crate) struct Load {
    /// The reward, as in the program file.
    reward: String,
    /// A file with one code a line.
    file: PathBuf,
    /// The program.
    #[arg(long, default_value = "hr-software")]
    program: String,
    /// The data folder of `serve`, which holds the key that seals codes.
    #[arg(long, env = "LAUREL_DATA", default_value_os_t = default_data())]
    data: PathBuf,
    #[command(flatten)]
    connect: Connect,
}

impl Codes {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let Codes::Load(load) = self;
        let text = read(&load.file)?;
        let codes: Vec<String> = text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
        let store = load.connect.store().await?;
        let program = ProgramId::try_from(load.program.as_str()).context("--program is no id")?;
        let Some(programs) = store.programs(&program).await? else {
            bail!("the program {program} has no published version")
        };
        let rewards = &programs.current(Timestamp::now()).program.rewards;
        if !rewards.contains_key(&load.reward) {
            let known = rewards.keys().cloned().collect::<Vec<_>>().join(", ");
            bail!("{program} has no reward `{}`; it has {known}", load.reward);
        }
        let sealer = local::card_sealer(&load.data)?;
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} codes")?;
        let bar = ProgressBar::new(codes.len() as u64).with_style(style);
        let done = store.load_codes(&program, &load.reward, &codes, &sealer, |n| bar.set_position(n as u64)).await?;
        bar.finish_and_clear();
        let stock = store.stock(&program, &load.reward).await?;
        println!(
            "{}: {} codes loaded, {} were there before; {} are free now",
            load.reward, done.loaded, done.repeated, stock.free
        );
        Ok(ExitCode::SUCCESS)
    }
}
