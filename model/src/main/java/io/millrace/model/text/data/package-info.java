/**
 * From rows to examples: what kind of rows a file has, and the tokens that each becomes.
 *
 * <pre>
 *   DataLine --RowKinds--> ExampleMaker --Gathered--> Dataset
 *   DataLine --Task--> text --TaskExamples--> Dataset
 * </pre>
 *
 * <p>A kind of rows is a class and a line of {@link io.millrace.model.text.data.RowKinds}.
 */
package io.millrace.model.text.data;
