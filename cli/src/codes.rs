//! `codes load` and `codes rotate-key`.

use std::path::PathBuf;
use std::process::ExitCode;

use ambient::Random;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use event::ids::ProgramId;
use indicatif::{ProgressBar, ProgressStyle};
use store::cards::Sealer;

use crate::connect::Connect;
use crate::file::read;

/// Voucher card codes.
#[derive(Subcommand)]
pub(crate) enum Codes {
    /// Load card codes of a reward, one a line; a code is loaded once, however often its file is.
    #[command(after_help = "Example:\n  laurel codes load starbucks-10 codes.txt --program hr-software")]
    Load(Load),
    /// Add a key, with which cards are sealed from now on. Cards sealed before stay readable.
    #[command(after_help = "Example:\n  laurel codes rotate-key 2027 --aws --card-secret laurel-prod-card-keys")]
    RotateKey(RotateKey),
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
    #[command(flatten)]
    secret: CardSecret,
    #[command(flatten)]
    connect: Connect,
}

/// Where the keys of voucher cards are.
#[derive(Args)]
struct CardSecret {
    /// Name or ARN of the secret with the card keys.
    #[arg(long, env = "CARD_SECRET", default_value = local::CARD_SECRET)]
    card_secret: String,
}

/// Add a key to the ring of card keys.
#[derive(Args)]
pub(crate) struct RotateKey {
    /// The new key's name, one that the ring does not have: a year or a date does.
    name: String,
    #[command(flatten)]
    secret: CardSecret,
    #[command(flatten)]
    connect: Connect,
}

impl RotateKey {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let secret = self.connect.secret(&self.secret.card_secret)?;
        let keys = secret.read().await.with_context(|| self.connect.nothing_here("card keys"))?;
        let ring = Sealer::from_ring(&keys, Random::system())?;
        let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(good) {
            bail!("a key's name has 1 to 64 letters, digits, dots, dashes and underscores, as in 2027 or 2027-06");
        }
        if ring.has(&self.name) {
            bail!("the ring has a key `{}` already, and none is ever replaced; choose another name", self.name);
        }
        secret.write(&ring.with_new_key(&self.name)?).await?;
        println!("cards are sealed with the key `{}` from now on; those sealed before stay readable", self.name);
        Ok(ExitCode::SUCCESS)
    }
}

impl Codes {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Codes::Load(load) => load.run().await,
            Codes::RotateKey(rotate) => rotate.run().await,
        }
    }
}

impl Load {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let text = read(&self.file)?;
        let codes = codes(&text)?;
        let store = self.connect.store().await?;
        let program = ProgramId::try_from(self.program.as_str()).context("--program is no id")?;
        let Some(programs) = store::programs::read(&store, &program).await? else {
            bail!("the program {program} has no published version")
        };
        let rewards = &programs.current(store.clock().now()).program.rewards;
        if !rewards.contains_key(self.reward.as_str()) {
            let known = rewards.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            bail!("{program} has no reward `{}`; it has {known}", self.reward);
        }
        let secret = self.connect.secret(&self.secret.card_secret)?;
        let sealer = Sealer::from_ring(&secret.read().await?, store.random().clone())?;
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} codes")?;
        let bar = ProgressBar::new(codes.len() as u64).with_style(style);
        let done =
            store::cards::load(&store, &program, &self.reward, &codes, &sealer, |n| bar.set_position(n as u64)).await?;
        bar.finish_and_clear();
        let stock = store::cards::stock(&store, &program, &self.reward).await?;
        println!(
            "{}: {} codes loaded, {} were there before; {} are free now",
            self.reward, done.loaded, done.repeated, stock.free
        );
        if done.elsewhere > 0 {
            bail!(
                "{} codes are loaded for another reward already, and a card is given once: they were left out",
                done.elsewhere
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Most characters of a code.
const CODE_CHARS_MAX: usize = 200;

/// The codes of a file, one a line. Nothing is loaded of a file with a line that is surely none: a partner would pay for it.
fn codes(text: &str) -> anyhow::Result<Vec<String>> {
    let is_code = |line: &str| {
        line.len() <= CODE_CHARS_MAX && line.bytes().all(|b| b.is_ascii_graphic() && !b",;\"#".contains(&b))
    };
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).enumerate();
    let (good, bad): (Vec<_>, Vec<_>) = lines.filter(|(_, line)| !line.is_empty()).partition(|(_, line)| is_code(line));
    if !bad.is_empty() {
        let lines: Vec<String> = bad.iter().take(10).map(|(at, _)| (at + 1).to_string()).collect();
        bail!(
            "nothing was loaded: {} lines are no codes (lines {}{}); a code has at most {CODE_CHARS_MAX} visible ASCII characters, \
             without blanks, commas, semicolons, quotes and #",
            bad.len(),
            lines.join(", "),
            if bad.len() > lines.len() { ", ..." } else { "" }
        );
    }
    Ok(good.into_iter().map(|(_, line)| line.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::codes;

    #[test]
    fn a_line_that_is_no_code_stops_the_whole_file() {
        assert_eq!(
            codes("\u{feff}AAAA-1\r\n\n https://x.example/?c=2 \n").expect("codes"),
            ["AAAA-1", "https://x.example/?c=2"]
        );
        for bad in ["A\u{1}", "A\tB", "A B", "# a comment", "A-5,A-6", "\"A\"", "Ä", &"x".repeat(201)] {
            let error = codes(&format!("GOOD-1\n{bad}\n")).expect_err(bad).to_string();
            assert!(error.starts_with("nothing was loaded: 1 lines are no codes (lines 2)"), "{bad}: {error}");
        }
    }
}
