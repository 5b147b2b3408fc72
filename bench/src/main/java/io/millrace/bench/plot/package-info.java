/** What was measured as pictures (SVG) and tables. */
package io.millrace.bench.plot;
