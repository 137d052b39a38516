/// Turns a list of names into modules and a table: the one idiom by which Wisp is extended.
///
/// Each name is a module beside the caller with a public function `register`; module name, configuration value and
/// wire name are the same word. The table's order is the order of the list.
///
/// ```ignore
/// wisp_core::register! { pub LANGUAGES: fn(&Context) -> Arc<dyn Language> => nodejs, python, native }
/// ```
#[macro_export]
macro_rules! register {
    ($(#[$meta:meta])* $vis:vis $table:ident: fn($($arg:ty),* $(,)?) -> $out:ty => $($name:ident),+ $(,)?) => {
        $(pub mod $name;)+
        $(#[$meta])*
        $vis const $table: &[(&str, fn($($arg),*) -> $out)] = &[$((stringify!($name), $name::register)),+];
    };
}
