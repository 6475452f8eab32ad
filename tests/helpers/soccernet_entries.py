"""An annotation and a prediction as SoccerNet's files contain them."""

ANNOTATION = {
    "gameTime": "1 - 00:00",
    "label": "PASS",
    "position": "680",
    "team": "left",
    "visibility": "visible",
}
PREDICTION = {
    "gameTime": "1 - 01:04",
    "label": "PASS",
    "position": "64480",
    "half": "1",
    "confidence": "0.87",
    "team": "left",
}
