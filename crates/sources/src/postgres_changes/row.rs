use serde_json::{Map, Value, value::Number};
use wisp_core::Result;

use super::decode::Reader;

/// A table as the server has described it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub schema: String,
    pub name: String,
    /// Names and types of its columns.
    columns: Vec<(String, u32)>,
}

impl Table {
    /// Reads the description, and the number that the table goes by.
    pub fn read(reader: &mut Reader<'_>) -> Result<(u32, Self)> {
        let number = reader.u32()?;
        let (schema, name) = (reader.text()?, reader.text()?);
        reader.byte()?;
        let mut columns = Vec::new();
        for _ in 0..reader.u16()? {
            reader.byte()?;
            let column = (reader.text()?, reader.u32()?);
            reader.u32()?;
            columns.push(column);
        }
        Ok((number, Self { schema, name, columns }))
    }

    /// Reads a row. A column whose large value did not change is not sent, and is not in it.
    pub fn row(&self, reader: &mut Reader<'_>) -> Result<Map<String, Value>> {
        let mut row = Map::new();
        for index in 0..reader.u16()? {
            let value = match reader.byte()? {
                b'n' => Some(None),
                b'u' => None,
                _ => {
                    let size = reader.u32()?;
                    Some(Some(reader.bytes(size as usize)?))
                }
            };
            if let (Some((name, kind)), Some(value)) = (self.columns.get(usize::from(index)), value) {
                let value = value.map_or(Value::Null, |text| value_of(*kind, &String::from_utf8_lossy(text)));
                row.insert(name.clone(), value);
            }
        }
        Ok(row)
    }
}

/// The value of a column, by the object id of its type. Numbers that JSON would round stay texts.
fn value_of(kind: u32, text: &str) -> Value {
    let (boolean, integers, floats, json) = (16, [20, 21, 23], [700, 701], [114, 3802]);
    let value = match kind {
        _ if kind == boolean => Some(Value::Bool(text == "t")),
        _ if integers.contains(&kind) => text.parse().ok().map(|number: i64| Value::Number(number.into())),
        _ if floats.contains(&kind) => text.parse().ok().and_then(Number::from_f64).map(Value::Number),
        _ if json.contains(&kind) => serde_json::from_str(text).ok(),
        _ => None,
    };
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_the_types_of_their_columns() {
        for (kind, text, value) in [
            (16, "t", json!(true)),
            (23, "-7", json!(-7)),
            (701, "1.5", json!(1.5)),
            (701, "NaN", json!("NaN")),
            (3802, r#"{"a": [1]}"#, json!({"a": [1]})),
            (1700, "1.10", json!("1.10")),
            (25, "7", json!("7")),
        ] {
            assert_eq!(value_of(kind, text), value, "{kind} {text}");
        }
    }

    #[test]
    fn a_message_that_is_cut_off_is_an_error() {
        let whole = b"\0\0\0\x01public\0t\0d\0\x01\x01id\0\0\0\0\x17\xff\xff\xff\xff";
        let (number, table) = Table::read(&mut Reader(whole)).unwrap();
        assert_eq!((number, table.name.as_str()), (1, "t"));
        for end in 0..whole.len() {
            let cut = whole.get(..end).unwrap();
            assert!(Table::read(&mut Reader(cut)).is_err(), "{end}");
        }
        let row = table.row(&mut Reader(b"\0\x01t\0\0\0\x0242")).unwrap();
        assert_eq!(Value::Object(row), json!({"id": 42}));
    }
}
