package io.millrace.optim.participation;

/**
 * What a model is made of.
 *
 * @param layers how many it has between its ends
 * @param tied whether both ends lie in one block, since the head is the embedding's table
 */
public record ModelUnits(int layers, boolean tied) {}
