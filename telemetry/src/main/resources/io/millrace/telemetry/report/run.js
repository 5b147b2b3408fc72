
const SERIES = DATA.series;

function curve() {
  const evals = DATA.evals;
  const series = [{name: 'training', colour: 'accent', xs: SERIES.step, ys: SERIES.loss, faint: SERIES.step.length > 60}];
  if (evals.length > 0) {
    series.push({name: 'evaluation', colour: 'nvme-write', xs: evals.map(one => one.step), ys: evals.map(one => one.eval_loss), dots: evals.length < 60});
  }
  const note = DATA.thinned > 1 ? 'each point is the mean of up to ' + DATA.thinned + ' steps' : '';
  byId('curve').append(new LineChart('Loss', series, {height: 320, note}).element);
  if (series.length > 1) byId('curve').append(legend(series));
}

function charts() {
  const one = (title, field, colour, options) => SERIES[field].some(value => value !== null)
    ? [new LineChart(title, [{name: title, colour, xs: SERIES.step, ys: SERIES[field]}], options).element] : [];
  const metrics = DATA.metrics.map(([field, title]) => new LineChart(title,
    [{name: title, colour: 'nvme-write', xs: DATA.evals.map(line => line.step), ys: DATA.evals.map(line => line[field] ?? null), dots: DATA.evals.length < 60}],
    {format: value => percent(value, 1)}).element);
  const overlap = new LineChart('Overlap', [
    {name: 'pipeline efficiency', colour: 'compute', xs: SERIES.step, ys: SERIES.pipeline_efficiency},
    {name: 'hidden transfer', colour: 'h2d', xs: SERIES.step, ys: SERIES.hidden_transfer}],
    {format: value => percent(value), least: 0, note: 'efficiency; hidden transfer in light blue'});
  byId('charts').append(...metrics,
    ...one('Size of the slopes', 'slope', 'd2h', {least: 0, note: 'mean of |(L+ − L−) / 2ε|'}),
    ...one('Learning rate', 'lr', 'other', {least: 0}),
    ...one('Tokens a second', 'tokens_per_second', 'nvme-read', {least: 0, format: value => value === 0 ? '0' : count(value)}),
    overlap.element,
    ...one('Length of a step', 'step_seconds', 'other', {least: 0, format: seconds}));
}

function evals() {
  if (DATA.evals.length === 0) { byId('evals-section').remove(); return; }
  table('evals', ['After step', 'Loss', ...DATA.metrics.map(([, title]) => title)],
    DATA.evals.map(line => [line.step.toLocaleString('en'), cell(line.eval_loss === null ? '–' : figure(line.eval_loss)),
      ...DATA.metrics.map(([field]) => cell(line[field] === undefined ? '–' : percent(line[field], 2)))]));
}

function memory() {
  if (DATA.memory.length === 0) { byId('memory-section').remove(); return; }
  const meter = one => make('span', {class: 'meter'}, make('i', {style: 'background: var(--accent); width:' + Math.min(100, one.peak / one.budget * 100) + '%'}));
  table('memory', ['Memory', 'Peak', 'Budget', 'Of the budget'], DATA.memory.map(one => [TIERS[one.tier] || one.tier,
    make('td', {class: 'plain'}, bytes(one.peak)), make('td', {class: 'plain'}, one.budget ? bytes(one.budget) : 'none'),
    one.budget ? make('td', {class: 'plain'}, one.peak / one.budget < 5e-4 ? 'under 0.1 %' : percent(one.peak / one.budget), meter(one)) : make('td', {}, '–')]));
}

function files() {
  table('files', ['File', 'Size', 'What'], DATA.files.map(file => [make('a', {href: encodeURI(file.name)}, file.name),
    cell(bytes(file.bytes)), make('td', {class: 'left'}, file.what)]));
  byId('files').querySelector('thead th:last-child').className = 'left';
}

function machine() {
  byId('machine').append(make('tbody', {}, ...DATA.facts.map(([name, value]) =>
    make('tr', {}, make('th', {scope: 'row'}, name), cell(value)))));
}

document.title = 'Millrace run: ' + DATA.name;
header(DATA.headline, DATA.details);
byId('figures').append(...DATA.figures.map(keyFigure));
curve();
charts();
evals();
memory();
files();
machine();
options();
