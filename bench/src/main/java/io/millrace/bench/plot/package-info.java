/** Pictures of what was measured, as SVG. */
package io.millrace.bench.plot;
