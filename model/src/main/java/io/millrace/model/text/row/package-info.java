/**
 * Data files as rows: which files there are, how each is packed, and what its rows hold.
 *
 * <pre>
 *   path --DataFiles--> files --RowInput (Compressions)--> bytes --RowFormat--> DataLine, row by row
 * </pre>
 *
 * <p>A format is a class and a line of {@link io.millrace.model.text.row.RowFormats}, a way of
 * packing one of {@link io.millrace.model.text.row.Compressions}.
 */
package io.millrace.model.text.row;
