use clap::Args;
use wisp_wire::client::Page;

/// Which part of a list, and how it is sorted.
#[derive(Args, Clone, Debug)]
pub struct Pages {
    /// Leave out this many of the newest
    #[arg(long, short, value_name = "SKIP", default_value_t = 0)]
    skip: u32,
    /// Show no more than this many; 0 means as many as the server gives at once
    #[arg(long, short, value_name = "LIMIT", default_value_t = 30)]
    limit: u32,
    /// Sort by name instead of age, within what is shown
    #[arg(long, short)]
    pub name_sort: bool,
    /// Show only how many there are
    #[arg(long)]
    pub count: bool,
}

impl Pages {
    /// As the API wants it.
    pub fn page(&self) -> Page {
        Page {
            limit: Some(self.limit),
            skip: self.skip,
        }
    }
}
