package dev.gamelan.train;

/**
 * Where a training stands after a step.
 *
 * @param epoch from 0
 * @param batch of the epoch, from 0; the last one of the step
 * @param batches in the epoch
 * @param step from 1: how many are done
 * @param steps how many there will be in all
 * @param loss of the step
 * @param learningRate of the step
 */
public record Progress(
    int epoch, long batch, long batches, long step, long steps, float loss, double learningRate) {}
