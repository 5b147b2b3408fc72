/**
 * What a run will cost before it runs: a machine as numbers, a step as operations, and a simulation
 * of the pipeline, by the pipeline's own rules, that joins the two.
 *
 * <pre>
 *   Machine (probed or described) --+
 *   StepWork (from model shapes) ---+--&gt; PipelineSimulation --&gt; Forecast
 *   Placement (what the run uses) --+
 * </pre>
 *
 * <p>Nothing here measures, allocates or reads the clock: the same input gives the same forecast.
 */
package io.millrace.prefetch.plan;
