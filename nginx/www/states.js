/* The states of a job, in their order, and their labels. */

const STATES = {
	NOT_STARTED: { rank: 0, label: "Waiting" },
	STARTED: { rank: 1, label: "Running" },
	FINISHED: { rank: 2, label: "Finished" },
	FAILED: { rank: 2, label: "Failed" },
	CANCELLED: { rank: 2, label: "Cancelled" },
	EXPIRED: { rank: 3, label: "Expired" },
};

export const label = (state) => STATES[state]?.label ?? state;
export const ended = (state) => STATES[state]?.rank >= 2;

/* Whether a job that was in one state may now be in the other: an overtaken answer is not shown. */
export const follows = (state, other) =>
	state === other || STATES[other]?.rank > STATES[state]?.rank;
