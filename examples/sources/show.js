function main(event) {
  console.log(JSON.stringify(event));
  return event;
}
