// Parameters are the fields of the only argument.
function main({ name = 'stranger', place = 'somewhere' }) {
  return { payload: `Hello, ${name} from ${place}!` };
}
