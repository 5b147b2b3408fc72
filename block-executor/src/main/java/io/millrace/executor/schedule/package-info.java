/**
 * How a device runs a block's operators, before it is known which device.
 *
 * <pre>
 *   BlockProgram ── what the device does in one go ──&gt; Schedule (Stages) ──&gt; StatesPlan: places by liveness
 *   ModelProgram ──&gt; OperatorNeeds: all other memory that operators ask for
 * </pre>
 */
package io.millrace.executor.schedule;
