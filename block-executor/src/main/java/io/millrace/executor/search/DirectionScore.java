package io.millrace.executor.search;

/**
 * What a direction is worth.
 *
 * @param direction its number, from 1
 * @param seed of its z
 * @param value of the objective at θ + εz over the whole data; NaN where losses are no numbers
 */
public record DirectionScore(int direction, long seed, double value) {}
