
const COLOURS = ['accent', 'nvme-write', 'compute', 'd2h', 'h2d', 'other'];
const colour = index => ({colour: COLOURS[index % COLOURS.length], dashed: index >= COLOURS.length});

/** Curves of one kind, of every run that has them. */
function show(choice) {
  const of = (run, index) => choice.field === 'loss'
    ? {name: run.name, ...colour(index), xs: run.series.step, ys: run.series.loss}
    : {name: run.name, ...colour(index), xs: run.evals.map(line => line.step), ys: run.evals.map(line => line[choice.field] ?? null), dots: run.evals.length < 60};
  const series = DATA.runs.map(of).filter(one => one.ys.some(value => value !== null));
  const format = choice.share ? value => percent(value, 1) : figure;
  byId('curves').replaceChildren(new LineChart(choice.title, series, {height: 340, format}).element, legend(series));
}

function choices() {
  const buttons = DATA.curves.map(choice => {
    const button = make('button', {type: 'button', 'aria-pressed': 'false'}, choice.title);
    button.addEventListener('click', () => {
      buttons.forEach(other => other.setAttribute('aria-pressed', other === button));
      show(choice);
    });
    return button;
  });
  byId('choices').append(...buttons);
  buttons[0].click();
}

function runs() {
  table('runs', DATA.heads, DATA.rows.map(([name, ...rest], index) => [
    make('span', {}, make('span', {class: 'dot', style: background(colour(index).colour)}), name), ...rest.map(cell)]));
}

function differ() {
  if (DATA.differ.length === 0) { byId('differ-section').remove(); return; }
  table('differ', ['Option', ...DATA.runs.map(run => run.name)], DATA.differ.map(([name, ...values]) => [name, ...values.map(cell)]));
}

header(DATA.headline, []);
choices();
runs();
differ();
