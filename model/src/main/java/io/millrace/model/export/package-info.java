/**
 * What leaves: a model in another form, and the page that goes with one.
 *
 * <pre>
 *   ModelExport   a folder in another dtype, in shards of a size
 *   GgufExport    one file for ggml: GgufFields (configuration), GgufTokenizer, GgufWriter (bytes)
 *   ModelCard     README.md of what a run has tuned
 * </pre>
 */
package io.millrace.model.export;
