use std::{collections::HashMap, fs::File, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use wisp_scheduler::simulation::{Function, Trace};

/// What a function takes if the trace does not tell.
const RUN_MS: f64 = 1000.0;
const MEMORY_MB: f64 = 128.0;

/// Reads a trace in the shape of Azure's of 2019: `invocations.csv` with a column for each minute, and beside it, if
/// they are there, `durations.csv` and `memory.csv`.
pub(super) fn read(path: &Path) -> Result<Trace> {
    let invocations = match path.is_dir() {
        true => path.join("invocations.csv"),
        false => path.to_owned(),
    };
    let runs = means(&invocations.with_file_name("durations.csv"), "Average")?;
    let memory = means(&invocations.with_file_name("memory.csv"), "AverageAllocatedMb")?;
    let mut reader = open(&invocations)?;
    let header = reader.headers()?.clone();
    let name = column(&header, "HashFunction", &invocations)?;
    let trigger = column(&header, "Trigger", &invocations).ok();
    let minutes: Vec<usize> = (0..header.len())
        .filter(|index| header[*index].parse::<u32>().is_ok())
        .collect();
    if minutes.is_empty() {
        bail!(
            "{} has no columns of minutes, whose names are numbers",
            invocations.display()
        );
    }
    let mut trace = Trace::default();
    for row in reader.records() {
        let row = row.with_context(|| format!("cannot read {}", invocations.display()))?;
        let counts = minutes.iter().map(|index| row[*index].trim().parse());
        let name = row[name].to_owned();
        trace.functions.push(Function {
            timer: trigger.is_some_and(|index| &row[index] == "timer"),
            minutes: counts
                .collect::<Result<_, _>>()
                .with_context(|| format!("the invocations of {name} are not all numbers"))?,
            run: Duration::from_secs_f64(runs.get(&name).copied().unwrap_or(RUN_MS) / 1000.0),
            memory: memory.get(&name).copied().unwrap_or(MEMORY_MB),
            name,
        });
    }
    Ok(trace)
}

/// One column by function; empty if there is no such file.
fn means(path: &Path, value: &str) -> Result<HashMap<String, f64>> {
    if !path.exists() {
        return Ok(HashMap::new());
    }
    let mut reader = open(path)?;
    let header = reader.headers()?.clone();
    let (name, value) = (column(&header, "HashFunction", path)?, column(&header, value, path)?);
    let mut means = HashMap::new();
    for row in reader.records() {
        let row = row.with_context(|| format!("cannot read {}", path.display()))?;
        let mean: f64 = row[value]
            .parse()
            .ok()
            .filter(|mean: &f64| mean.is_finite() && *mean >= 0.0)
            .with_context(|| format!("'{}' in {} is not a number", &row[value], path.display()))?;
        means.insert(row[name].to_owned(), mean);
    }
    Ok(means)
}

fn open(path: &Path) -> Result<csv::Reader<File>> {
    csv::Reader::from_path(path).with_context(|| format!("cannot read the trace {}", path.display()))
}

fn column(header: &csv::StringRecord, name: &str, path: &Path) -> Result<usize> {
    let found = header.iter().position(|column| column == name);
    found.with_context(|| format!("{} has no column {name}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_with_what_stands_beside_it() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("invocations.csv", "HashFunction,Trigger,0,1\na,timer,1,0\nb,http,0,7\n")?;
        write("durations.csv", "HashFunction,Average\na,250\n")?;
        let trace = read(folder.path())?;
        let [a, b] = &trace.functions[..] else {
            bail!("{trace:?}")
        };
        assert_eq!(
            (a.timer, a.minutes.clone(), a.run),
            (true, vec![1, 0], Duration::from_millis(250))
        );
        assert_eq!((b.timer, b.minutes.clone(), b.memory), (false, vec![0, 7], MEMORY_MB));
        assert!(read(&folder.path().join("durations.csv")).is_err(), "no minutes");
        assert!(read(&folder.path().join("nothing.csv")).is_err());
        write("memory.csv", "HashFunction,AverageAllocatedMb\na,NaN\n")?;
        assert!(read(folder.path()).is_err(), "no memory");
        Ok(())
    }
}
