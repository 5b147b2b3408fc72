/**
 * What a step climbs down: {@link io.millrace.executor.objective.Scoring} makes of training
 * examples what a model is asked, and of its answers one number a scale.
 */
package io.millrace.executor.objective;
