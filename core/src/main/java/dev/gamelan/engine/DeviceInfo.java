package dev.gamelan.engine;

/** What a device is: a line for people, and the memory that tensors may fill, in bytes. */
public record DeviceInfo(String description, long memoryBytes) {}
